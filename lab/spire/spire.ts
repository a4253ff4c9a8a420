import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { KubernetesObject } from "../../core/util/kubernetes";
import { spire as names } from "../../core/schema/spireNames";
import type { ControlPlane } from "../controlPlane";
import { freePorts } from "../ports";
import { runProgram, startProcess, tail, type Process } from "./process";
import { buildTool } from "../../tools/go";
import { mountSecrets } from "./secrets";
import { managerReplacements, replace, serverReplacements, type Places } from "./replacements";
import { answers, until } from "../until";

/** A registration entry, as `spire-server entry show` has it, with paths for SPIFFE IDs. */
export interface Entry {
  readonly id: string;
  readonly path: string;
  readonly parent: string;
  readonly selectors: readonly string[];
}

interface RawEntry {
  readonly id: string;
  readonly spiffe_id: { readonly path: string };
  readonly parent_id: { readonly path: string };
  readonly selectors: readonly { readonly type: string; readonly value: string }[];
}

/**
 * The real SPIRE server and controller-manager on an API server, from the objects that the component Spire plans for a managed SPIRE. All of them are
 * applied, and the programs run with their configuration and with a token of their own service account, and nothing else.
 */
export class Spire {
  public readonly clusterName: string;
  public readonly trustDomain: string;
  public readonly agentNamespace: string;
  public server: Process | undefined;
  public manager: Process | undefined;

  private constructor(
    public readonly cluster: ControlPlane,
    private objects: readonly KubernetesObject[],
    /** Where its files and logs are. */
    public readonly directory: string,
    public readonly places: Places,
  ) {
    const manager = this.file(names.server, "controller-manager.json") as { clusterName: string; trustDomain: string };
    this.clusterName = manager.clusterName;
    this.trustDomain = manager.trustDomain;
    this.agentNamespace = this.object("DaemonSet", names.agent).metadata.namespace ?? "";
  }

  /** Applies the objects to a control plane. */
  static async install(cluster: ControlPlane, objects: readonly KubernetesObject[]): Promise<Spire> {
    const [server = 0, serverHealth = 0, managerHealth = 0, bundle = 0, serverMetrics = 0, managerMetrics = 0] =
      await freePorts(6);
    const directory = mkdtempSync(join(tmpdir(), "zt-spire-"));
    const at = (name: string) => join(directory, name);
    const spire = new Spire(cluster, objects, directory, {
      server: { data: at("server"), socket: at("api.sock"), kubeconfig: at("server.kubeconfig"), nodes: at("nodes") },
      ports: { server, serverHealth, managerHealth, bundle, serverMetrics, managerMetrics },
    });
    const first = (kind: string) => objects.filter((object) => object.kind === kind);
    const crds = first("CustomResourceDefinition");
    spire.apply(...first("Namespace"), ...crds);
    for (const { metadata } of crds) cluster.kubectl(["wait", "--for=condition=Established", `crd/${metadata.name}`]);
    spire.apply(...objects);
    return spire;
  }

  /** Applies the objects to a control plane, and starts both programs. */
  static async start(cluster: ControlPlane, objects: readonly KubernetesObject[]): Promise<Spire> {
    const spire = await Spire.install(cluster, objects);
    try {
      await spire.startServer();
      await spire.startManager();
      return spire;
    } catch (error) {
      await spire.stop();
      throw error;
    }
  }

  /**
   * The rendered object of a kind and a name.
   *
   * @throws where there is none
   */
  object(kind: string, name: string): KubernetesObject {
    const found = this.objects.find((object) => object.kind === kind && object.metadata.name === name);
    if (found === undefined) throw new Error(`no ${kind} ${name} is rendered`);
    return found;
  }

  /** A rendered configuration file. */
  file(configMap: string, key: string): object {
    const data = this.object("ConfigMap", configMap)["data"] as Readonly<Record<string, string>>;
    return JSON.parse(data[key] ?? "") as object;
  }

  apply(...objects: readonly KubernetesObject[]): void {
    const list = { apiVersion: "v1", kind: "List", items: objects };
    this.cluster.kubectl(["apply", "--server-side", "--force-conflicts", "--filename", "-"], JSON.stringify(list));
  }

  /** Applies other objects, which count for what is started from now on. */
  use(objects: readonly KubernetesObject[]): void {
    this.objects = objects;
    this.apply(...objects);
  }

  /** @param port another than its own, to take over from another server there */
  async startServer(port = this.places.ports.server): Promise<void> {
    mkdirSync(this.places.server.data, { recursive: true });
    this.writeKubeconfig();
    // What its pod mounts of its own ConfigMap beside the configuration.
    const { data } = this.object("ConfigMap", names.server) as unknown as { data: Readonly<Record<string, string>> };
    for (const [file, content] of Object.entries(data))
      if (!/\.(conf|json)$/.test(file)) this.write(join("nodes", file), content);
    const { args, directories, env } = mountSecrets(
      this.object("StatefulSet", names.server),
      names.server,
      (secret, key) => this.secret(secret, key),
      (file, content) => this.write(join("server-secrets", file), content),
    );
    const rendered = this.file(names.server, "server.conf");
    const configuration = replace(rendered, {
      ...serverReplacements(this.places, this.clusterName, rendered),
      "server.bind_port": String(port),
    });
    const text = [...directories].reduce(
      (text, [there, here]) => text.replaceAll(`${there}/`, `${here}/`),
      JSON.stringify(configuration),
    );
    const file = this.write("server.conf", text);
    // As in its pod, but with the configuration that is here.
    const command = [buildTool("spire-server"), "run", "-config", file, ...args.slice(2)] as const;
    const start = () => startProcess("server", command, { directory: this.directory, env });
    let server = (this.server = await start());
    const probe = `http://127.0.0.1:${this.places.ports.serverHealth}/ready`;
    let restarts = 0;
    const ready = async () => {
      // As the kubelet does: of servers that make the tables of one database at once, one may lose, and end.
      if (server.ended() !== undefined && restarts++ < 3) server = this.server = await start();
      return answers(probe);
    };
    await until("the server is ready", ready, { detail: () => tail(server) });
  }

  /** A value in a Secret in SPIRE's namespace. */
  private secret(name: string, key: string): string {
    const get = ["get", "secret", name, `--namespace=${names.namespace}`, "--output=json"];
    const { data = {} } = JSON.parse(this.cluster.kubectl(get)) as { data?: Readonly<Record<string, string>> };
    return Buffer.from(data[key] ?? "", "base64").toString();
  }

  async startManager(): Promise<void> {
    const rendered = this.file(names.server, "controller-manager.json");
    const configuration = replace(rendered, managerReplacements(this.places, rendered));
    const file = this.write("controller-manager.json", configuration);
    this.manager = await startProcess(
      "controller-manager",
      [buildTool("spire-controller-manager"), `--config=${file}`, `--kubeconfig=${this.places.server.kubeconfig}`],
      { directory: this.directory, env: { ENABLE_WEBHOOKS: "false" } },
    );
  }

  /** What is in the ConfigMap that the server publishes. */
  publishedBundle(): string | undefined {
    const { configMap, key } = names.bundle;
    const get = ["get", "configmap", configMap, "--namespace", this.agentNamespace];
    const output = this.cluster.kubectl([...get, "--ignore-not-found", "--output=json"]);
    return output === "" ? undefined : (JSON.parse(output) as { data?: Record<string, string> }).data?.[key];
  }

  /** The entries that the server has. */
  async entries(): Promise<Entry[]> {
    const { entries } = JSON.parse(await this.command("entry", "show", "-output", "json")) as { entries: RawEntry[] };
    return entries.map(({ id, spiffe_id, parent_id, selectors }) => ({
      id,
      path: spiffe_id.path,
      parent: parent_id.path,
      selectors: selectors.map(({ type, value }) => `${type}:${value}`),
    }));
  }

  /**
   * A command of `spire-server` on its own socket.
   *
   * @returns its output
   * @throws with what it says where it fails
   */
  async command(...args: readonly string[]): Promise<string> {
    const socket = ["-socketPath", this.places.server.socket];
    const { status, output } = await runProgram([buildTool("spire-server"), ...args, ...socket]);
    if (status !== 0) throw new Error(`spire-server ${args.join(" ")}: ${output}`);
    return output;
  }

  /** Ends what runs, and removes its files. */
  async stop(): Promise<void> {
    await this.manager?.stop();
    await this.server?.stop();
    rmSync(this.directory, { recursive: true });
  }

  /**
   * Writes a token of a service account to a file.
   *
   * @param options of `kubectl create token`
   * @returns its path
   */
  tokenFile(file: string, namespace: string, account: string, ...options: readonly string[]): string {
    const create = ["create", "token", account, `--namespace=${namespace}`, "--duration=2h", ...options];
    return this.write(file, this.cluster.kubectl(create).trim());
  }

  /** Writes a file, JSON unless it is text; returns its path. */
  write(file: string, content: object | string): string {
    const path = join(this.directory, file);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, typeof content === "string" ? content : JSON.stringify(content), { mode: 0o600 });
    return path;
  }

  /** A kubeconfig that holds nothing but the cluster and a token of the server's service account. */
  private writeKubeconfig(): void {
    const view = this.cluster.kubectl(["config", "view", "--raw", "--minify", "--output=json"]);
    const { clusters } = JSON.parse(view) as { clusters: readonly { name: string }[] };
    this.write("server.kubeconfig", {
      apiVersion: "v1",
      kind: "Config",
      "current-context": "server",
      clusters,
      users: [{ name: "server", user: { tokenFile: this.tokenFile("server.token", names.namespace, names.server) } }],
      contexts: [{ name: "server", context: { cluster: clusters[0]?.name, user: "server" } }],
    });
  }
}
