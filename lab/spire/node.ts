import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { spire as names } from "../../core/schema/spireNames";
import type { Certificate } from "../certificates";
import { startKubelet, type Kubelet, type RunningPod } from "./kubelet";
import { freePorts } from "../ports";
import { startProcess, tail, type Process } from "./process";
import { buildTool } from "../../tools/go";
import { agentReplacements, replace, type AgentPlaces } from "./replacements";
import type { Spire } from "./spire";
import { answers, until } from "../until";

/** An agent that was started; whether it has attested is another question. */
export interface Agent {
  readonly name: string;
  readonly process: Process;
  readonly places: AgentPlaces;
}

/** What an agent attests with: its own, unless a test gives it another. */
export interface Credentials {
  readonly namespace?: string;
  readonly serviceAccount?: string;
  readonly audience?: string;
  /** Of its node, where nodes have certificates. */
  readonly certificate?: Certificate;
}

const filesOf = ({ certificate, key }: Certificate) => ({ "tls.crt": certificate, "tls.key": key });

/** A node of the cluster, with a kubelet, on which agents of SPIRE and other pods run. */
export class LabNode {
  private readonly agents: Agent[] = [];

  private constructor(
    readonly spire: Spire,
    private readonly kubelet: Kubelet,
    private readonly authority: string,
  ) {}

  /** Starts a node. Needs SPIRE's server, which makes the kubelet's certificate: it is the authority that is at hand. */
  static async start(spire: Spire, name: string): Promise<LabNode> {
    spire.apply({ apiVersion: "v1", kind: "Node", metadata: { name } });
    const directory = join(spire.directory, name);
    mkdirSync(directory);
    const id = `spiffe://${spire.trustDomain}/kubelet`;
    await spire.command("x509", "mint", "-spiffeID", id, "-dns", "localhost", "-ttl", "1h", "-write", directory);
    return new LabNode(spire, await startKubelet(spire.cluster, name, directory), join(directory, "bundle.pem"));
  }

  /** Runs a pod of one container with a service account, which is made where it is not there. */
  runPod(namespace: string, name: string, serviceAccountName: string): RunningPod {
    this.spire.apply({
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: serviceAccountName, namespace },
    });
    const spec = { serviceAccountName, containers: [{ name: "main", image: "none" }] };
    return this.kubelet.run({ apiVersion: "v1", kind: "Pod", metadata: { name, namespace }, spec });
  }

  /** Starts an agent as the kubelet would: with a pod of the rendered template, tokens that are bound to it, and the published bundle. */
  async startAgent(name: string, credentials: Credentials = {}): Promise<Agent> {
    const {
      namespace = this.spire.agentNamespace,
      serviceAccount = names.agent,
      audience = names.audience,
      certificate,
    } = credentials;
    const daemonSet = this.spire.object("DaemonSet", names.agent);
    const { template } = daemonSet["spec"] as { template: { metadata: object; spec: object } };
    const { uid } = this.kubelet.run({
      apiVersion: "v1",
      kind: "Pod",
      metadata: { ...template.metadata, name, namespace },
      spec: { ...template.spec, serviceAccountName: serviceAccount },
    });
    const bound = ["--bound-object-kind=Pod", `--bound-object-name=${name}`, `--bound-object-uid=${uid}`];
    const token = (file: string, ...options: string[]) =>
      this.spire.tokenFile(join(name, file), namespace, serviceAccount, ...bound, ...options);
    const directory = join(this.spire.directory, name);
    mkdirSync(join(directory, "workload"), { recursive: true });
    for (const [file, content] of certificate ? Object.entries(filesOf(certificate)) : [])
      this.spire.write(join(name, "node", file), content);
    const [healthPort = 0, metricsPort = 0] = await freePorts(2);
    return this.run(name, {
      data: directory,
      workloadSocket: join(directory, "workload/agent.sock"),
      adminSocket: join(directory, "admin.sock"),
      bundle: await this.mountBundle(),
      token: token("attestation.token", `--audience=${audience}`),
      node: join(directory, "node"),
      kubelet: { port: this.kubelet.port, authority: this.authority, token: token("account.token") },
      healthPort,
      metricsPort,
    });
  }

  /** Starts an agent that has ended, as the kubelet restarts a container: with the same volumes. */
  restartAgent({ name, places }: Agent): Promise<Agent> {
    return this.run(name, places);
  }

  /** Waits until the agent's readiness probe, as it is rendered, would pass. */
  async untilReady(agent: Agent): Promise<void> {
    const probe = `http://127.0.0.1:${agent.places.healthPort}/ready`;
    await until(`${agent.name} is ready`, () => answers(probe), { detail: () => tail(agent.process) });
  }

  /** Writes the published bundle where agents read it, as the kubelet does with the volume of a ConfigMap; waits for the ConfigMap as it does. */
  async mountBundle(): Promise<string> {
    const { server } = this.spire;
    const detail = () => (server ? tail(server) : "");
    return this.spire.write(
      names.bundle.key,
      await until("the bundle is published", () => this.spire.publishedBundle(), { detail }),
    );
  }

  /** Ends what runs on it. Before the server is stopped, or after. */
  async stop(): Promise<void> {
    for (const { process } of this.agents) await process.stop();
    await this.kubelet.stop();
  }

  private async run(name: string, places: AgentPlaces): Promise<Agent> {
    const rendered = this.spire.file(names.agent, "agent.conf");
    const configuration = replace(rendered, agentReplacements(places, this.spire.places, rendered));
    const file = this.spire.write(join(name, "agent.conf"), configuration);
    const process = await startProcess(name, [buildTool("spire-agent"), "run", "-config", file], {
      directory: this.spire.directory,
      // The downward API's, in a pod; the kubelet's certificate must be for it.
      env: { NODE_ADDRESS: "localhost" },
    });
    const agent = { name, process, places };
    this.agents.push(agent);
    return agent;
  }
}
