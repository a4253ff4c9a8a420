import { randomBytes } from "node:crypto";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { join, resolve } from "node:path";
import { buildTools } from "../tools/go";
import { programs, versionOf, type ProgramName } from "../tools/programs";
import { fakeNodes } from "./fakeNodes";
import { ciliumDefinitions, kwokFiles } from "./modules";
import { Authority } from "./certificates";
import { inGroup, removeControlGroup } from "./controlGroups";
import { writeKubeconfigs, writeServerFiles } from "./files";
import { spawnKubectl } from "./kubectl";
import { startNetwork } from "./network";
import { nodeNetwork, services } from "./nodes/network";
import { startNode, type RealNode } from "./nodes/node";
import { freePorts } from "./ports";
import {
  endingWithParent,
  endProcesses,
  killProcesses,
  LabError,
  self,
  startProcess,
  untilReady,
  type ProcessRecord,
  type Start,
} from "./processes";
import { controllerPrograms, serverPrograms } from "./programs";
import { removeControlPlane, removeCrashed, temporaryDirectory, writeState } from "./state";

/** A real API server with Cilium's CRDs, in a network of its own, which is reached on loopback. */
export interface ControlPlane {
  /** The path of a kubeconfig whose contexts `apps` and `infra` both lead here, as a cluster-admin. */
  readonly kubeconfig: string;
  /** As in `https://127.0.0.1:16443`. */
  readonly server: string;
  /** Those that are not pretended. */
  readonly realNodes: readonly RealNode[];
  /** Where its files are: logs, keys, data. */
  readonly directory: string;
  /** The path of the audit log: a JSON line for each write, without bodies, there when the write is answered. */
  readonly auditLog: string;
  /**
   * Runs kubectl in the context `apps`.
   *
   * @returns its output
   * @throws LabError with what it says on standard error
   */
  kubectl(args: readonly string[], input?: string): string;
  /** Kills the API server and starts it again, with the same data at the same address. */
  restartServer(): Promise<void>;
  /** Ends its processes and removes its files. */
  stop(): Promise<void>;
}

export interface ControlPlaneOptions {
  /**
   * Whether controllers, scheduler and kwok run too, so that workloads become ready.
   *
   * @default false
   */
  readonly controllers?: boolean;
  /**
   * How many nodes kwok fakes. Above 0 only with controllers.
   *
   * @default 1 with controllers, unless there are real ones
   */
  readonly nodes?: number;
  /** Nodes with a kubelet and containerd instead, and the archives of images that they have. Only with controllers, and only root can make them. */
  readonly realNodes?: { readonly count: number; readonly images: readonly string[] };
  /**
   * Where its files are to be, with nothing else in it; it then outlives this process.
   *
   * @default a temporary directory, and the control plane ends with this process
   */
  readonly directory?: string;
}

/**
 * Starts etcd and an API server, seconds after its programs are built. Removes first what crashed predecessors have left.
 *
 * All of it is in a network namespace of its own, in which there is nothing but loopback; whoever runs against it (the engine, hooks, tests) reaches it at ports of the
 * caller's loopback, which a gate passes on.
 *
 * @throws LabError where a program does not become ready, ToolError where one cannot be built
 */
export async function startControlPlane(options: ControlPlaneOptions = {}): Promise<ControlPlane> {
  if (process.platform !== "linux") throw new LabError("The lab needs Linux");
  const { controllers = false, realNodes } = options;
  const { nodes = controllers && !realNodes ? 1 : 0 } = options;
  if ((nodes > 0 || realNodes) && !controllers) throw new LabError("nodes need controllers: true");
  if (realNodes && process.getuid?.() !== 0)
    throw new LabError("Real nodes need root (sudo), for control groups and mounts");
  const tools = buildTools([
    ...(["etcd", "kube-apiserver", "kubectl"] as const),
    ...(controllers ? (["kube-controller-manager", "kube-scheduler"] as const) : []),
    ...(controllers && !realNodes ? (["kwok"] as const) : []),
    ...(realNodes ? (["kubelet"] as const) : []),
  ]);
  const definitions = ciliumDefinitions();
  const kwok = controllers && !realNodes ? kwokFiles() : undefined;
  await removeCrashed();

  const detached = options.directory !== undefined;
  const bound = (call: Pick<Start, "program" | "args">) => (detached ? call : endingWithParent(call));
  const directory = detached ? emptyDirectory(resolve(options.directory)) : temporaryDirectory();
  const processes: ProcessRecord[] = [];
  // Before a process starts and at once after: whoever finds the directory knows whom it belongs to.
  let owned = true;
  // Of each node, and of what the nodes need.
  const groups = Array.from(
    { length: realNodes ? realNodes.count + 1 : 0 },
    () => `zero-trust-lab-${randomBytes(8).toString("hex")}`,
  );
  const [group, ...nodeGroups] = groups;
  const save = (server: string) =>
    writeState(directory, { ...(owned ? { owner: self() } : {}), server, processes, groups });
  const onExit = () => {
    killProcesses(processes);
    groups.forEach(removeControlGroup);
    rmSync(directory, { recursive: true, force: true });
  };
  process.once("exit", onExit);
  const stop = async () => {
    process.off("exit", onExit);
    await removeControlPlane(directory);
  };

  try {
    const ports = await freePorts(controllers ? 4 : 1);
    const [port = 0, ...controllerPorts] = ports;
    const server = `https://127.0.0.1:${port}`;
    save(server);
    const run = (program: Start) => {
      const record = startProcess(directory, program, detached);
      processes.push(record);
      save(server);
      return record;
    };
    const authority = new Authority();
    const addresses = ["127.0.0.1", services.api, nodeNetwork.gateway];
    const tokens = writeServerFiles(directory, authority, addresses);
    const gate = { version: process.version, ready: `${server}/readyz` };
    const runGrouped = (program: Start) =>
      run(group === undefined ? program : { ...program, ...inGroup(group, program) });
    const network = await startNetwork(directory, ports, realNodes !== undefined, bound, (program) =>
      runGrouped({ ...program, ...gate }),
    );
    const start = (calls: ReturnType<typeof serverPrograms>) =>
      calls.map((call) => {
        const name = call.name as ProgramName & keyof typeof tools;
        const { program, args } = network.enter({ program: tools[name], args: call.args });
        return runGrouped({ ...call, program, args, version: versionOf(programs[name]) });
      });
    const ready = (records: readonly ProcessRecord[]) =>
      Promise.all(records.map((record) => untilReady(directory, record)));

    // Beside what follows: their images take longer than the API server.
    const made = Promise.all(
      Array.from({ length: realNodes?.count ?? 0 }, (_, index) =>
        startNode({
          ...{ directory, authority, number: index + 1, images: realNodes?.images ?? [] },
          ...{ network: network.process, server: `https://${nodeNetwork.gateway}:${port}`, group: nodeGroups[index]! },
          run: (program) => run({ ...program, ...bound(program), version: versionOf(programs.kubelet) }),
        }),
      ),
    );
    // It is awaited below; until then it may fail without ending this process.
    made.catch(() => undefined);
    await ready(start(serverPrograms(port, realNodes !== undefined)));
    const kubeconfigs = writeKubeconfigs(directory, server, tokens);
    const kubectl = (args: readonly string[], input?: string) => runKubectl(tools.kubectl, directory, args, input);
    const apply = ["apply", "--server-side", "--filename"];
    const late = controllers ? start(controllerPrograms(kubeconfigs, kwok?.stages, controllerPorts)) : [];
    kubectl([...apply, definitions]);
    if (controllers) {
      await ready(late);
      if (kwok) kubectl([...apply, kwok.storageClass, "--filename", "-"], fakeNodes(nodes));
      // A pod needs both, and the controllers make them. One at a time: kubectl waits for no two that are both missing, but fails at once.
      for (const object of ["serviceaccount/default", "configmap/kube-root-ca.crt"])
        kubectl(["wait", "--for=create", object, "--timeout=120s"]);
      if (nodes > 0) kubectl(["wait", "--for=condition=Ready", "node", "--all", "--timeout=120s"]);
    }
    // It takes them seconds, in which the controllers have started.
    kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=120s"]);
    const nodesMade = await made;
    if (detached) {
      owned = false;
      save(server);
      process.off("exit", onExit);
    }
    return {
      kubeconfig: kubeconfigs.lab,
      server,
      realNodes: nodesMade,
      directory,
      auditLog: join(directory, "audit.log"),
      kubectl,
      async restartServer() {
        const isServer = ({ name }: { readonly name: string }) => name === "kube-apiserver";
        const [old] = processes.splice(processes.findIndex(isServer), 1);
        await endProcesses(old ? [old] : []);
        await ready(start(serverPrograms(port, realNodes !== undefined).filter(isServer)));
      },
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** For this alone, since it is removed in the end with all that is in it. */
function emptyDirectory(path: string): string {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  if (readdirSync(path).length > 0) throw new LabError(`${path} is not empty: end what runs there, or name another`);
  return path;
}

function runKubectl(program: string, directory: string, args: readonly string[], input?: string): string {
  const env = {
    PATH: process.env["PATH"],
    KUBECONFIG: join(directory, "kubeconfig"),
    KUBECACHEDIR: join(directory, "cache"),
  };
  const { status, stdout, stderr } = spawnKubectl(program, args, env, input);
  if (status !== 0) throw new LabError(`kubectl ${args.join(" ")}: ${stderr.trim()}`);
  return stdout;
}
