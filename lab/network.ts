import { existsSync, readlinkSync } from "node:fs";
import { join, resolve } from "node:path";
import { setTimeout as delay } from "node:timers/promises";
import { nodeNetwork } from "./nodes/network";
import { onPath } from "./onPath";
import { isRunning, LabError, lastWords, type ProcessRecord, type Start } from "./processes";

/** A command. */
type Call = Pick<Start, "program" | "args">;

/** A network of the lab's own. */
export interface Network {
  /** In it from the beginning to the end. */
  readonly process: ProcessRecord;
  /** How a command runs in it. */
  enter(call: Call): Call;
}

const packages = { unshare: "util-linux", setpriv: "util-linux", nsenter: "util-linux", ip: "iproute2" };

/**
 * Makes a network namespace that has nothing but its own loopback, with real nodes a bridge for them, and a gate through which the caller's network reaches some ports of it, by the same number. Both
 * are processes, and gone with them.
 *
 * @param bound how a program in it runs, inside everything that changes its credentials
 * @param run starts a program of the lab
 * @throws LabError where the machine does not let this user make one
 */
export async function startNetwork(
  directory: string,
  ports: readonly number[],
  realNodes: boolean,
  bound: (call: Call) => Call,
  run: (start: Pick<Start, "name" | "program" | "args">) => ProcessRecord,
): Promise<Network> {
  for (const [program, name] of Object.entries(packages))
    if (onPath(program) === undefined)
      throw new LabError(`${program} is not installed, with which the lab makes its network: apt-get install ${name}`);
  const isRoot = process.getuid?.() === 0;
  const socket = (port: number) => `gate-${port}.sock`;
  const gate = (pairs: readonly string[]) =>
    bound({ program: process.execPath, args: [resolve("lab/gate.js"), ...pairs] });
  const own = ["--net", ...(isRoot ? [] : ["--user", "--map-root-user"])];
  const inside = gate(ports.map((port) => `${socket(port)}=${port}`));
  const network = await allowed(async () => {
    const set = ["ip link set lo up", ...(realNodes ? bridge : []), 'exec "$@"'].join(" && ");
    const args = [...own, "sh", "-c", set, "sh", inside.program, ...inside.args];
    const record = run({ name: "network", program: "unshare", args });
    await untilOpen(directory, record, ports.map(socket));
    return record;
  });
  run({ name: "gate", ...gate(ports.map((port) => `${port}=${socket(port)}`)) });
  const namespace = (kind: string) => `--${kind}=/proc/${network.pid}/ns/${kind}`;
  const enter = [namespace("net"), ...(isRoot ? [] : [namespace("user"), "--preserve-credentials"])];
  return {
    process: network,
    enter: (call) => {
      const { program, args } = bound(call);
      return { program: "nsenter", args: [...enter, "--", program, ...args] };
    },
  };
}

const bridge = [
  `ip link add ${nodeNetwork.bridge} type bridge`,
  `ip address add ${nodeNetwork.gateway}/${nodeNetwork.prefix} dev ${nodeNetwork.bridge}`,
  `ip link set ${nodeNetwork.bridge} up`,
];

/** Says what it takes where the system refuses it. */
async function allowed<T>(make: () => Promise<T>): Promise<T> {
  try {
    return await make();
  } catch (error) {
    if (!(error instanceof LabError)) throw error;
    throw new LabError(`The lab needs root (sudo), or user namespaces, for a network of its own: ${error.message}`);
  }
}

async function untilOpen(directory: string, network: ProcessRecord, sockets: readonly string[]): Promise<void> {
  const namespace = (pid: number | "self") => readlinkSync(`/proc/${pid}/ns/net`);
  while (!sockets.every((socket) => existsSync(join(directory, socket)))) {
    if (!isRunning(network)) throw new LabError(`${network.name} has ended: ${lastWords(directory, network.name)}`);
    await delay(20);
  }
  if (namespace(network.pid) === namespace("self")) throw new Error("the network is not the lab's own");
}
