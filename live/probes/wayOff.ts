import type { KubeConfig, KubernetesObjectApi } from "@kubernetes/client-node";
import type { StackConfig } from "../../core/schema/schema";
import { fieldManager, type KubernetesObject } from "../../core/util/kubernetes";
import type { Plan } from "../../plan/plan";
import { absent, endedBy, kubeconfigAt, reasonOf } from "../client";
import { mayTurnOff } from "../../core/rollout/phases";
import type { Previous } from "../../core/rollout/state";
import {
  deployedOnWayOff,
  refusalMessage,
  refuserOf,
  remediesFor,
  type Deployed,
  type Refusal,
  type Remedies,
  type WebhookPlace,
} from "../wayOff";

/** What an update that turns authentication off finds in its way. */
export interface WayOff extends Remedies {
  /** Pulumi's names of objects whose change an admission webhook or policy refuses. */
  readonly refused: readonly string[];
  /** Why nothing can be written at all, and the command that gets past it. */
  readonly blocked?: string;
}

/** Nothing is in the way. */
export const clear: WayOff = { made: [], left: [], notes: [], refused: [] };

/** How long the look may take, in milliseconds. */
const patienceMs = 5_000;
/** How many requests are under way at a time. */
const atOnce = 32;
/** How many objects the API server is asked about whether it would change them. */
const tried = 20;

/**
 * Looks, before an update that may turn authentication off, which of the objects are missing that this depends on, and whether the API server would refuse to change them. Reads these objects,
 * and asks for their change as a dry run. Never throws: where there is no answer, the update tries.
 *
 * @param stack the stack's name
 * @returns nothing in the way for any other update
 */
export async function askWayOff(config: StackConfig, plan: Plan, { state }: Previous, stack: string): Promise<WayOff> {
  const { context } = config.cluster;
  const deployed = mayTurnOff(config, state) ? deployedOnWayOff(plan, state) : [];
  if (deployed.length === 0) return clear;
  try {
    const kubeconfig = await kubeconfigAt(context);
    if (!kubeconfig) return clear;
    const signal = AbortSignal.timeout(patienceMs);
    const api = await objectApi(kubeconfig, signal);
    const missing = await missingOf(api, deployed);
    const remedies = remediesFor(deployed, missing);
    const there = deployed.filter(({ name }) => !remedies.left.includes(name)).slice(0, tried);
    const refusals = await refusalsOf(api, there);
    const [first] = refusals;
    if (!first) return { ...remedies, refused: [] };
    const because = refusalMessage(first, await placesOf(kubeconfig, first, signal), context, stack);
    const refused = refusals.map(({ name }) => name);
    // What can be changed is: callers that need not authenticate any more are the first thing that an incident wants.
    return refusals.length === there.length
      ? { ...remedies, refused, blocked: `${because} Nothing was changed.` }
      : { ...remedies, refused, notes: [...remedies.notes, because] };
  } catch {
    return clear;
  }
}

/**
 * Makes an object again as the provider would: by server-side apply as this program's field manager.
 *
 * @returns why not; undefined once it is made
 */
export async function makeAgain(context: string, object: KubernetesObject): Promise<string | undefined> {
  try {
    const kubeconfig = await kubeconfigAt(context);
    if (!kubeconfig) return `no kubeconfig context ${context}`;
    await apply(await objectApi(kubeconfig, AbortSignal.timeout(patienceMs)), object);
    return undefined;
  } catch (error) {
    return messageOf(error);
  }
}

/** The client for objects of any kind, all requests of which end with a signal. */
async function objectApi(kubeconfig: KubeConfig, signal: AbortSignal): Promise<KubernetesObjectApi> {
  const { KubernetesObjectApi } = await import("@kubernetes/client-node");
  const { middleware } = await endedBy(signal);
  const api = KubernetesObjectApi.makeApiClient(kubeconfig);
  const { configuration } = api as unknown as { configuration: { middleware: unknown[] } };
  configuration.middleware.push(...middleware);
  return api;
}

/** Pulumi's names of objects that are not there. What cannot be read is taken to be there. */
async function missingOf(api: KubernetesObjectApi, objects: readonly Deployed[]): Promise<Set<string>> {
  const missing = new Set<string>();
  const left = [...objects];
  const readNext = async (): Promise<void> => {
    for (let object = left.shift(); object; object = left.shift()) {
      const { apiVersion, kind, metadata } = object.manifest;
      const { name, namespace } = metadata;
      const header = { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } };
      const found = await absent(api.read(header)).catch((error: unknown) => !isUnknownKind(error));
      if (!found) missing.add(object.name);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, readNext));
  return missing;
}

/** Whether the client has found no such kind in the cluster: then no object of it is there either. */
const isUnknownKind = (error: unknown) =>
  error instanceof Error && error.message.startsWith("Unrecognized API version and kind");

/** Which changes an admission webhook or policy refuses. */
async function refusalsOf(
  api: KubernetesObjectApi,
  objects: readonly Deployed[],
): Promise<(Refusal & { readonly name: string })[]> {
  const answers = await Promise.all(
    objects.map(({ name, manifest }) =>
      apply(api, manifest, "All").then(
        () => [],
        (error: unknown) => [{ name, object: manifest, message: messageOf(error) }],
      ),
    ),
  );
  return answers.flat().filter(({ message }) => refuserOf(message) !== undefined);
}

async function apply(api: KubernetesObjectApi, object: KubernetesObject, dryRun?: "All"): Promise<void> {
  const { PatchStrategy } = await import("@kubernetes/client-node");
  await api.patch(object, undefined, dryRun, fieldManager, true, PatchStrategy.ServerSideApply);
}

/** Where the webhook of a refusal is configured; nothing where that cannot be read. */
async function placesOf(kubeconfig: KubeConfig, { message }: Refusal, signal: AbortSignal): Promise<WebhookPlace[]> {
  const refuser = refuserOf(message);
  if (refuser === undefined || refuser === "policy") return [];
  const { AdmissionregistrationV1Api } = await import("@kubernetes/client-node");
  const api = kubeconfig.makeApiClient(AdmissionregistrationV1Api);
  const options = await endedBy(signal);
  const lists = await Promise.all([
    api.listValidatingWebhookConfiguration({}, options).catch(() => ({ items: [] })),
    api.listMutatingWebhookConfiguration({}, options).catch(() => ({ items: [] })),
  ]);
  const kinds = ["ValidatingWebhookConfiguration", "MutatingWebhookConfiguration"] as const;
  return lists.flatMap(({ items }, list) =>
    items.flatMap(({ metadata, webhooks = [] }) =>
      webhooks.flatMap(({ name }, index) =>
        name === refuser.webhook ? [{ kind: kinds[list]!, configuration: metadata?.name ?? "", index }] : [],
      ),
    ),
  );
}

/** What the API server says of a request that failed, without its headers. */
function messageOf(error: unknown): string {
  const { body } = error as { body?: unknown };
  try {
    const { message } = (typeof body === "string" ? JSON.parse(body) : body) as { message?: unknown };
    if (typeof message === "string") return message;
  } catch {
    // Not an answer of the API server's.
  }
  return reasonOf(error);
}
