import { setMaxListeners } from "node:events";
import { setTimeout } from "node:timers/promises";
import {
  connectivityState,
  credentials,
  loadPackageDefinition,
  status,
  type Client,
  type ClientReadableStream,
  type ServiceClientConstructor,
  type ServiceError,
} from "@grpc/grpc-js";
import { eventTypes, observerDefinition, type Flow, type GetFlowsResponse } from "./observer";
import { millisecondsOf } from "./calls";

/** A Hubble that cannot be asked; the message is for the user. */
export class HubbleError extends Error {}

/** What is told while flows come. Moments are in milliseconds since 1970. */
export interface Listener {
  readonly flow: (flow: Flow) => void;
  readonly lost: (events: number) => void;
  /** A node that is heard, was not heard since when, or is gone for good. */
  readonly node: (name: string, state: "heard" | "silent" | "gone", because: string) => void;
  /** The server is connected, or no longer. */
  readonly up: () => void;
  readonly down: (because: string) => void;
}

/** A relay, which knows all nodes, or one node's agent. */
export interface Server {
  /** As messages name it: `Hubble's relay`. */
  readonly name: string;
  /** `unix:///path` or `host:port`, without TLS. */
  readonly address: string;
}

/** Hubbles that somebody has named. */
export const serversAt = (addresses: readonly string[]): Server[] =>
  addresses.map((address) => ({ name: `Hubble at ${address}`, address }));

export interface Request {
  readonly namespace: string;
  /** Whether to wait for more, and not to end with what there is. */
  readonly follow: boolean;
  /** In milliseconds since 1970; what Hubble still has since then comes first. Undefined: nothing that it has. */
  readonly since: number | undefined;
}

/** In milliseconds. */
export const limits = {
  /** Between two attempts: the first, doubled each time, and the longest. */
  pause: 500,
  longestPause: 30_000,
  /** For a server to be connected. */
  connection: 10_000,
  /** For one that was lost to come back, in pauses. */
  patience: 600_000,
  /** How far before the last flow a new stream begins: a relay merges those of several nodes, which are not quite in order. */
  overlap: 10_000,
} as const;

/** What a server answers that will not answer otherwise when it is asked again: one that is no Hubble, or refuses. */
const final = [status.UNIMPLEMENTED, status.INVALID_ARGUMENT, status.PERMISSION_DENIED, status.UNAUTHENTICATED];

/** How many flows are remembered, so that those which come twice count once. */
const remembered = 20_000;

/**
 * Reads the flows to the pods of a namespace. A connection that is lost is made anew, and goes on where it was.
 *
 * @param signal ends it, and the reading from as many other servers as one likes
 * @param pause waits for a number of milliseconds
 * @throws HubbleError where the server cannot be reached at first, or has been lost for too long
 */
export async function readFlows(
  { name, address }: Server,
  request: Request,
  listener: Listener,
  signal: AbortSignal,
  pause: (milliseconds: number) => Promise<unknown> = (milliseconds) =>
    setTimeout(milliseconds, undefined, { signal }).catch(() => undefined),
): Promise<void> {
  setMaxListeners(0, signal);
  const seen = new Set<string>();
  let since = request.since;
  const flow = (flow: Flow) => {
    since = Math.max(since ?? 0, millisecondsOf(flow.time) - limits.overlap);
    if (flow.uuid !== "" && seen.has(flow.uuid)) return;
    seen.add(flow.uuid);
    if (seen.size > remembered) seen.delete(seen.values().next().value ?? "");
    listener.flow(flow);
  };
  let connected = false;
  let failures = 0;
  let waited = 0;
  for (;;) {
    const because = await stream(address, { ...request, since }, { ...listener, flow, up }, signal, heard).catch(
      (error: Error) => {
        throw new HubbleError(`${name} ${error.message}`);
      },
    );
    if (signal.aborted || (because === undefined && !request.follow)) return;
    if (!connected || !request.follow) throw new HubbleError(`${name} ${because ?? "has ended the stream"}`);
    listener.down(`${name} ${because ?? "has ended the stream"}`);
    if (waited >= limits.patience)
      throw new HubbleError(
        `${name} is gone since ${Math.round(waited / 60_000)} min: it ${because ?? "has ended the stream"}`,
      );
    const milliseconds = Math.min(limits.pause * 2 ** failures++, limits.longestPause);
    waited += milliseconds;
    await pause(milliseconds);
    if (signal.aborted) return;
  }
  function up(): void {
    connected = true;
    listener.up();
  }
  // Only a stream that has brought something shows that the server is back.
  function heard(): void {
    failures = 0;
    waited = 0;
  }
}

/**
 * One stream, to its end.
 *
 * @returns why it ended, undefined where the server had no more
 * @throws Error where it is of no use to try again
 */
async function stream(
  address: string,
  request: Request,
  listener: Listener,
  signal: AbortSignal,
  heard: () => void,
): Promise<string | undefined> {
  const client = new Observer(address, credentials.createInsecure(), {
    // A server on this machine, and one in the cluster, is not reached through a proxy for the web.
    "grpc.enable_http_proxy": 0,
    // Finds out that nobody is there any more. Servers in Go refuse to be asked more often than every five minutes.
    "grpc.keepalive_time_ms": 310_000,
  });
  let call: ClientReadableStream<GetFlowsResponse> | undefined;
  const abort = () => (call ? call.cancel() : client.close());
  signal.addEventListener("abort", abort);
  try {
    if (!(await isReady(client, Date.now() + limits.connection)))
      return signal.aborted ? undefined : "cannot be reached";
    if (signal.aborted) return undefined;
    const flows = client.GetFlows(messageOf(request));
    call = flows;
    return await new Promise<string | undefined>((resolve, reject) => {
      flows.on("data", (response: GetFlowsResponse) => {
        heard();
        const ended = receive(response, listener);
        if (ended !== undefined) resolve(ended);
      });
      flows.on("end", () => resolve(undefined));
      flows.on("error", ({ code, details }: ServiceError) => {
        if (final.includes(code)) reject(new Error(`does not answer: ${details}`));
        resolve(code === status.CANCELLED && signal.aborted ? undefined : `has failed: ${details}`);
      });
      listener.up();
    });
  } finally {
    signal.removeEventListener("abort", abort);
    call?.cancel();
    client.close();
  }
}

/** Whether a connection comes about. Unlike waitForReady it does not try on where there is nobody. */
function isReady(client: Client, deadline: number): Promise<boolean> {
  const channel = client.getChannel();
  const state = channel.getConnectivityState(true);
  if (state === connectivityState.READY) return Promise.resolve(true);
  if (state === connectivityState.TRANSIENT_FAILURE || state === connectivityState.SHUTDOWN)
    return Promise.resolve(false);
  return new Promise((resolve) =>
    channel.watchConnectivityState(state, deadline, (late) => resolve(late ? false : isReady(client, deadline))),
  );
}

/** Hands a message on. @returns why the stream has to be made anew, where it has */
function receive(
  { flow, node_status, lost_events, node_name }: GetFlowsResponse,
  listener: Listener,
): string | undefined {
  if (flow) {
    listener.flow(flow);
    listener.node(nodeOf(node_name), "heard", "");
  }
  if (lost_events) listener.lost(lost_events.num_events_lost);
  if (!node_status) return undefined;
  const { state_change, node_names, message } = node_status;
  const because = message === "" ? "Hubble's relay cannot reach it" : message;
  const state = state_change === "NODE_CONNECTED" ? "heard" : state_change === "NODE_GONE" ? "gone" : "silent";
  for (const name of node_names) listener.node(nodeOf(name), state, because);
  // The relay does not try such a node again.
  return state_change === "NODE_ERROR"
    ? `has no more flows of ${node_names.map(nodeOf).join(", ")}: ${because}`
    : undefined;
}

/** Hubble puts the cluster's name before a node's: `default/node1`. */
const nodeOf = (name: string) => name.replace(/.*\//, "");

/** What tells that a call begins, and no more: a busy namespace has thousands of flows a second. */
function messageOf({ namespace, follow, since }: Request): object {
  const destination_pod = [`${namespace}/`];
  const type = (type: number) => [{ type }];
  return {
    follow,
    ...(since === undefined ? {} : { since: { seconds: Math.floor(since / 1000), nanos: (since % 1000) * 1e6 } }),
    whitelist: [
      { destination_pod, event_type: type(eventTypes.policyVerdict), traffic_direction: ["INGRESS"] },
      {
        destination_pod,
        event_type: type(eventTypes.drop),
        traffic_direction: ["INGRESS"],
        drop_reason_desc: ["POLICY_DENIED", "POLICY_DENY", "AUTH_REQUIRED"],
      },
      // Where no policy selects a pod there is no verdict, but there are packets that get to it: sub-type 0 (TraceToLxc).
      {
        destination_pod,
        event_type: [{ type: eventTypes.trace, match_sub_type: true, sub_type: 0 }],
        reply: [false],
      },
      {
        destination_pod,
        event_type: type(eventTypes.trace),
        reply: [false],
        source_workload: [{ kind: "Job" }, { kind: "CronJob" }],
      },
    ],
  };
}

type ObserverClient = Client & { GetFlows(request: object): ClientReadableStream<GetFlowsResponse> };
const Observer = (
  loadPackageDefinition(observerDefinition()) as unknown as { observer: { Observer: ServiceClientConstructor } }
).observer.Observer as unknown as new (...args: ConstructorParameters<typeof Client>) => ObserverClient;
