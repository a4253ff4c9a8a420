import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { bundle } from "../../../cli/lib/bundle";
import type { ControlPlane } from "../../../lab/controlPlane";
import { ciliumModule } from "../../../lab/modules";
import { ciliumBaseValues } from "../../../lab/nodes/cilium";
import { startCluster } from "../../../lab/nodes/cluster";
import { references } from "../../../lab/nodes/clusterImages";
import type { RealNode } from "../../../lab/nodes/node";
import { overlay } from "../../../lab/nodes/overlay";
import type { Done } from "../../../lab/project";
import { until } from "../../../lab/until";
import { LabStack, withoutPack } from "../engine/stack";

/** What came of a request. */
export interface Answer {
  readonly status?: number;
  /** `no answer` in time, or the code of an error. */
  readonly error?: string;
  readonly ms: number;
}

/** A second of a load generator's. */
export interface Second {
  readonly time: string;
  readonly asked: number;
  readonly answered: number;
  readonly failed: number;
  /** Milliseconds until the slowest answer. */
  readonly worst: number;
  readonly errors: Readonly<Record<string, number>>;
}

/** A pod, `namespace/name`, of a service account of that namespace. */
export interface PodOptions {
  readonly node: string;
  readonly serviceAccount: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly args?: readonly string[];
}

/** A flow as Hubble exports it, as much as is looked at. */
export interface Flow {
  readonly verdict: string;
  readonly drop_reason_desc?: string;
  readonly auth_type?: string;
}

/** The Service that the stack's intent is about. */
export const api = "http://api.orders.svc.cluster.local:8080/";

const handshakeCut = ["INPUT", "--protocol", "tcp", "--dport", "4250", "--jump", "DROP"];

const placeOf = (pod: string) => pod.split("/") as [namespace: string, name: string];

const jsonLines = <T>(text: string): T[] =>
  text
    .split("\n")
    .filter((line) => line !== "")
    .map((line) => JSON.parse(line) as T);

/** Two real nodes, and on them the stack `apps` as its file has it, deployed by the user's own commands: Cilium, SPIRE and the policies. */
export class TestCluster {
  private newcomers = 0;

  private constructor(
    readonly plane: ControlPlane,
    readonly stack: LabStack,
  ) {}

  /** Starts nodes that have nothing yet but images. */
  static async start(images: readonly string[] = []): Promise<TestCluster> {
    const plane = await startCluster(2, images);
    const stack = LabStack.on(plane);
    const valuesFile = "cilium.apps.json";
    const port = Number(new URL(plane.server).port);
    writeFileSync(join(stack.project.directory, valuesFile), JSON.stringify(ciliumBaseValues(port)));
    const chart = join(ciliumModule(), "install/kubernetes/cilium");
    for (const [key, value] of Object.entries(overlay(chart, valuesFile, stack.identity))) stack.set(key, value);
    for (const namespace of ["web", "billing"]) plane.kubectl(["create", "namespace", namespace]);
    return new TestCluster(plane, stack);
  }

  /** Deploys the stack, without the pack, to be quick, and runs its target on the second node and callers on both. */
  async deploy(): Promise<void> {
    this.stack.up(withoutPack);
    await this.runTarget("node2");
    await Promise.all([
      this.run("web/frontend", { node: "node1", serviceAccount: "frontend" }),
      this.run("billing/invoicer", { node: "node2", serviceAccount: "invoicer" }),
      this.run("web/intruder", { node: "node1", serviceAccount: "intruder" }),
      this.run("billing/frontend", { node: "node2", serviceAccount: "frontend" }),
    ]);
  }

  /** Updates until callers have to authenticate: each update goes as far as is safe by then. */
  async demand(up: () => Promise<unknown> | void = () => void this.stack.up(withoutPack)): Promise<void> {
    const demands = async () => {
      await up();
      return this.stack.recorded()?.phase === "require";
    };
    await until("callers have to authenticate", demands, { seconds: 180 });
  }

  /** Runs a pod of the lab's workload, and waits until it is ready. */
  async run(pod: string, { node, serviceAccount, labels = {}, args = ["serve", "8080"] }: PodOptions): Promise<void> {
    const [namespace, name] = placeOf(pod);
    const serves = args[0] === "serve";
    // A machine with two cores is slow at times, and that is not what is tried here.
    const probe = { httpGet: { path: "/", port: 8080 }, periodSeconds: 1, timeoutSeconds: 5, failureThreshold: 10 };
    this.stack.apply("lab", [
      { apiVersion: "v1", kind: "ServiceAccount", metadata: { name: serviceAccount, namespace } },
      {
        apiVersion: "v1",
        kind: "Pod",
        metadata: { name, namespace, labels },
        spec: {
          serviceAccountName: serviceAccount,
          nodeName: node,
          terminationGracePeriodSeconds: 0,
          // As production has it: a packet to the DNS that is lost is not to cost the five seconds that the C library waits by itself.
          dnsConfig: {
            options: [
              { name: "timeout", value: "1" },
              { name: "attempts", value: "4" },
            ],
          },
          containers: [
            {
              name: "workload",
              image: references.workload,
              imagePullPolicy: "Never",
              args,
              // Each name that is looked up occupies a thread, and Node has four unless told otherwise: one lost packet would hold up all others.
              env: [{ name: "UV_THREADPOOL_SIZE", value: "64" }],
              resources: { requests: { cpu: "20m" } },
              ...(serves ? { readinessProbe: probe } : {}),
            },
          ],
        },
      },
    ]);
    await until(
      `${pod} is ready`,
      () => this.jsonpath(`pod/${name}`, namespace, "{.status.conditions[?(@.type=='Ready')].status}") === "True",
      { seconds: 60, detail: () => this.plane.kubectl(["describe", "pod", name, "--namespace", namespace]) },
    );
  }

  /** Deletes a pod. */
  remove(pod: string): void {
    const [namespace, name] = placeOf(pod);
    this.plane.kubectl(["delete", "pod", name, "--namespace", namespace]);
  }

  /** The target of the stack's intent, with its Service. */
  async runTarget(node: string): Promise<void> {
    const labels = { app: "api" };
    this.stack.apply("lab", [
      {
        apiVersion: "v1",
        kind: "Service",
        metadata: { name: "api", namespace: "orders" },
        spec: { selector: labels, ports: [{ port: 8080 }] },
      },
    ]);
    await this.run("orders/api", { node, serviceAccount: "api", labels });
  }

  /** One request from a pod. */
  call(pod: string, url = api): Answer {
    return JSON.parse(this.exec(pod, "node", "/workload.js", "call", url)) as Answer;
  }

  /** The same where it is to be dropped: then there is no answer, however long one waits. */
  dropped(pod: string): Answer {
    return JSON.parse(this.exec(pod, "node", "/workload.js", "call", api, "2000")) as Answer;
  }

  /** Runs another pod of a caller that the intent names, and says what it gets. */
  async another(labels: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const pod = `web/newcomer-${++this.newcomers}`;
    await this.run(pod, { node: "node1", serviceAccount: "frontend", labels });
    return this.call(pod);
  }

  /** The same with labels like nobody else's, and so an identity that SPIRE has yet to know. */
  newcomer(): Promise<Answer> {
    return this.another({ newcomer: `${this.newcomers}` });
  }

  /** One request from a process of a node, outside of every pod. */
  callFromHost(name: string, url: string): Answer {
    return JSON.parse(this.onHost(name, process.execPath, "lab/nodes/workload.js", "call", url)) as Answer;
  }

  /** Runs a command in the network of a node. */
  onHost(name: string, ...command: readonly string[]): string {
    const enter = `--net=/proc/${this.node(name).pid}/ns/net`;
    const { status, stdout, stderr } = spawnSync("nsenter", [enter, ...command], { encoding: "utf8" });
    if (status !== 0) throw new Error(stderr);
    return stdout;
  }

  /** Lets nothing through to the port on which a node's Cilium authenticates, as a firewall does. */
  closeHandshakePort(name: string): void {
    this.onHost(name, "iptables", "--wait", "--insert", ...handshakeCut);
  }

  openHandshakePort(name: string): void {
    this.onHost(name, "iptables", "--wait", "--delete", ...handshakeCut);
  }

  /** Runs one of the project's own commands for the stack, as `npm run` does. */
  command(name: string, args: readonly string[]): Done {
    return this.stack.project.command(this.bundled(name), [...args, "--stack", "apps"]);
  }

  /** The same in the background. */
  startCommand(name: string, args: readonly string[]): Promise<Done> {
    return this.stack.project.startCommand(this.bundled(name), [...args, "--stack", "apps"]);
  }

  /** Where the Hubbles of both nodes listen, as options of `npm run verify`. */
  hubbles(): string[] {
    // A node's own files, from outside its mount namespace (proc(5)).
    const within = (name: string, path: string) => join("/proc", String(this.node(name).pid), "root", path);
    return ["node1", "node2"].flatMap((name) => ["--server", `unix://${within(name, "run/cilium/hubble.sock")}`]);
  }

  private bundled(name: string): string {
    const file = resolve(".build", `test-${name}.js`);
    bundle(`cli/${name}/main.ts`, file, ["@kubernetes/client-node"]);
    return file;
  }

  node(name: string): RealNode {
    const node = this.plane.realNodes.find((real) => real.name === name);
    if (!node) throw new Error(`no node ${name}`);
    return node;
  }

  /** How many pairs of identities Cilium on a node holds for authenticated. */
  pairs(node: string): number {
    const list = this.cilium(node, "cilium-dbg", "bpf", "auth", "list", "--output", "json");
    return (JSON.parse(list) as object[] | null)?.length ?? 0;
  }

  /** Runs a command in a pod. */
  exec(pod: string, ...command: readonly string[]): string {
    const [namespace, name] = placeOf(pod);
    return this.plane.kubectl(["exec", name, "--namespace", namespace, "--", ...command]);
  }

  /** Whether a pod is there, and running. */
  isRunning(pod: string): boolean {
    const [namespace, name] = placeOf(pod);
    const get = ["get", "pod", name, "--namespace", namespace, "--ignore-not-found"];
    return this.plane.kubectl([...get, "--output", "jsonpath={.status.phase}"]) === "Running";
  }

  /** What a load generator has written so far. */
  seconds(pod: string): Second[] {
    const [namespace, name] = placeOf(pod);
    return jsonLines<Second>(this.plane.kubectl(["logs", name, "--namespace", namespace]));
  }

  /** Runs a command in the pod of Cilium's agent on a node. */
  cilium(node: string, ...command: readonly string[]): string {
    const select = ["--selector", "k8s-app=cilium", "--field-selector", `spec.nodeName=${node},status.phase=Running`];
    const get = [
      "get",
      "pod",
      "--namespace",
      "kube-system",
      ...select,
      "--output",
      "jsonpath={.items[0].metadata.name}",
    ];
    const container = ["--container", "cilium-agent"];
    return this.plane.kubectl([
      ...["exec", this.plane.kubectl(get), "--namespace", "kube-system", ...container, "--"],
      ...command,
    ]);
  }

  /** The verdicts on what a pod, or an identity that is reserved, has sent to port 8080, as the node of the target has seen them: the last ones. */
  verdicts(node: string, from: string): Flow[] {
    const caller = from.includes("/") ? ["--from-pod", from] : ["--from-identity", from];
    const filter = ["--type", "policy-verdict", "--type", "drop", ...caller, "--to-port", "8080"];
    const output = this.cilium(node, "hubble", "observe", ...filter, "--last", "20", "--output", "json");
    return jsonLines<{ flow: Flow }>(output).map(({ flow }) => flow);
  }

  /** A value of an object, as kubectl's jsonpath has it. */
  jsonpath(object: string, namespace: string, path: string): string {
    return this.plane.kubectl(["get", object, "--namespace", namespace, "--output", `jsonpath=${path}`]);
  }

  stop(): Promise<void> {
    return this.stack.stop();
  }
}
