import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { LabProject, type Done } from "../../../lab/project";
import { installPlugins, pulumiProgram } from "../../../lab/pulumi";
import { until } from "../../../lab/until";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import type { AccessState } from "../../../core/access/difference";
import { lastAccessOutput, unpackAccess } from "../../../program/lastAccess";
import type { RolloutState } from "../../../core/rollout/state";
import { writes, type Write } from "./audit";
import { ciliumObjects } from "./ciliumObjects";

/** Names of the objects that the flag changes. */
export const policy = "zero-trust";
export const values = "cilium-zero-trust-values";

/** What a teardown leaves of the stack apps, by kind and name. */
export const retained = [
  "ClusterStaticEntry cilium-agent",
  "ClusterStaticEntry cilium-node-alias",
  "ClusterStaticEntry cilium-operator",
  "CustomResourceDefinition clusterstaticentries.spire.spiffe.io",
  "Namespace spire",
  "PersistentVolumeClaim spire/spire-data",
];

/** What leaves the policy pack out. */
export const withoutPack = { PULUMI_OPTION_POLICY_PACK: "" };

/** program/deploy.ts as somebody could leave it: without the program's own preflight. */
export function withoutPreflight(program: string): string {
  const without = program
    .replace(/preflight\(config, .*, update\);$/m, "undefined;")
    .replace(/^import { preflight }.*\n/m, "");
  if (without.includes("preflight")) throw new Error("there is more of the preflight in program/deploy.ts");
  return without;
}

const upArgs = ["up", "--stack", "apps", "--yes", "--skip-preview"];

/** A specification of a CiliumNetworkPolicy. */
interface Spec {
  readonly ingress: readonly { readonly authentication?: { readonly mode: string } }[];
}

/** The stack `apps` on a control plane of its own, worked on with the user's own commands. */
export class LabStack {
  private readonly stacks: string[] = [];

  private constructor(
    readonly plane: ControlPlane,
    readonly project: LabProject,
    private readonly plugins: string,
  ) {}

  /** Starts the control plane and makes the stack, as the README says. */
  static async start(): Promise<LabStack> {
    return LabStack.on(await startControlPlane({ controllers: true, nodes: 2 }));
  }

  /** Makes the stack for a cluster that is there, and ends with it. */
  static on(plane: ControlPlane, pulumi = pulumiProgram()): LabStack {
    const plugins = mkdtempSync(join(tmpdir(), "zero-trust-plugins-"));
    installPlugins(plugins, pulumi);
    const stack = new LabStack(plane, new LabProject(plugins, plane.kubeconfig), plugins);
    stack.make("apps");
    for (const namespace of ["orders", "registry"]) plane.kubectl(["create", "namespace", namespace]);
    return stack;
  }

  /** Makes a stack of the project for this cluster. */
  make(name: string): void {
    this.project.must(["stack", "init", name]);
    this.stacks.push(name);
    this.giveTo(name);
  }

  /** Says in the stack files that this cluster belongs to a stack, and to no other. */
  giveTo(owner: string): void {
    const nobody = "00000000-0000-0000-0000-000000000000";
    for (const name of this.stacks) this.set("cluster.identity", name === owner ? this.identity : nobody, name);
  }

  /** The UID of its kube-system. */
  get identity(): string {
    return this.plane.kubectl(["get", "namespace", "kube-system", "--output", "jsonpath={.metadata.uid}"]);
  }

  /** `pulumi config set --path`. */
  set(key: string, value: string, stack = "apps"): void {
    this.project.must(["config", "set", "--stack", stack, "--path", key, value]);
  }

  /** `pulumi up` without a preview before it; throws what it said where it fails. */
  up(environment: NodeJS.ProcessEnv = {}): string {
    return this.project.must(upArgs, environment);
  }

  /** The same in the background, to see what happens meanwhile; what it did, whether it failed or not. */
  startUp(): Promise<Done> {
    return this.project.start(upArgs);
  }

  /** The same where it has to fail: what it said. */
  failingUp(environment: NodeJS.ProcessEnv = {}): string {
    const { status, output } = this.project.pulumi(upArgs, environment);
    if (status === 0) throw new Error(`pulumi ${upArgs.join(" ")} did not fail:\n${output}`);
    return output;
  }

  /** Brings the stack to `require`: the two updates that it takes. Without the pack, to be quick. */
  turnOn(): void {
    this.setFlag("true");
    this.up(withoutPack);
    this.rollCilium();
    this.up(withoutPack);
  }

  /** Sets the flag; on again, with the word for it. */
  setFlag(auth: string): void {
    this.set("auth", auth);
    const { offs = 0 } = this.rollout ?? {};
    if (auth === "true" && offs > 0) this.set("rollout.resume", String(offs));
  }

  /** What the last update recorded of the flag and of the namespace orders. */
  recorded(): { auth: boolean; phase: string | undefined } | undefined {
    const { rollout } = this;
    return rollout && { auth: rollout.auth, phase: rollout.phases["orders"] };
  }

  private get rollout() {
    return this.project.outputs("apps")["rollout"] as RolloutState | undefined;
  }

  /** Who had access after the last update, as its output says; undefined for an output that is none of ours. */
  recordedAccess(): AccessState | undefined {
    return unpackAccess(this.project.outputs("apps")[lastAccessOutput]);
  }

  /** Puts another value in the place of an output of the last update. */
  replaceOutput(name: string, value: unknown): void {
    const file = join(this.project.directory, "state.json");
    this.project.must(["stack", "export", "--stack", "apps", "--file", file]);
    const state = JSON.parse(readFileSync(file, "utf8")) as {
      deployment: { resources: { type: string; outputs?: Record<string, unknown> }[] };
    };
    const stack = state.deployment.resources.find(({ type }) => type === "pulumi:pulumi:Stack");
    if (!stack?.outputs || !(name in stack.outputs)) throw new Error(`the stack has no output ${name}`);
    stack.outputs[name] = value;
    writeFileSync(file, JSON.stringify(state));
    this.project.must(["stack", "import", "--stack", "apps", "--file", file]);
  }

  /** What the values ConfigMap has of Cilium's authentication. */
  enabled(): boolean {
    const data = this.plane.kubectl([
      ...["get", "configmap", values, "--namespace", "kube-system"],
      ...["--output", "jsonpath={.data.values\\.yaml}"],
    ]);
    return (JSON.parse(data) as { authentication: { enabled: boolean } }).authentication.enabled;
  }

  /** Cilium as the values ConfigMap has it: what Flux, Cilium's chart and its rollout make of that in a real cluster. */
  rollCilium(): void {
    const enabled = this.enabled();
    const flag = String(enabled);
    const data = { "mesh-auth-enabled": flag, "mesh-auth-mutual-enabled": flag };
    this.apply("helm", ciliumObjects(data, enabled));
    for (const workload of ["daemonset/cilium", "deployment/cilium-operator"])
      this.plane.kubectl(["rollout", "status", workload, "--namespace", "kube-system", "--timeout", "60s"]);
  }

  /** The objects that the updates have made, as they are now, but for what the API server added to their metadata. */
  objects(): KubernetesObject[] {
    const kinds = [
      ...["namespaces", "customresourcedefinitions", "clusterstaticentries", "serviceaccounts", "configmaps"],
      ...["services", "persistentvolumeclaims", "statefulsets", "daemonsets", "roles", "rolebindings"],
      ...["clusterroles", "clusterrolebindings", "networkpolicies", "ciliumnetworkpolicies"],
    ];
    const selector = ["--selector", "app.kubernetes.io/managed-by=zero-trust"];
    const list = this.plane.kubectl(["get", kinds.join(","), "--all-namespaces", "--output", "json", ...selector]);
    const { items } = JSON.parse(list) as { items: (KubernetesObject & { status?: unknown })[] };
    return items.map(({ status: _, metadata: { name, namespace, labels = {}, annotations = {} }, ...object }) => ({
      ...object,
      metadata: { name, ...(namespace === undefined ? {} : { namespace }), labels, annotations },
    }));
  }

  /** Writes objects as somebody else does. */
  apply(manager: string, objects: readonly object[]): void {
    this.plane.kubectl(
      ["apply", "--server-side", "--force-conflicts", "--field-manager", manager, "--filename", "-"],
      objects.map((object) => JSON.stringify(object)).join("\n---\n"),
    );
  }

  /** Modes of authentication that the live policies of the namespace orders demand, by policy. */
  demands(): Record<string, string[]> {
    const { items } = JSON.parse(
      this.plane.kubectl(["get", "ciliumnetworkpolicies", "--namespace", "orders", "--output", "json"]),
    ) as { items: { metadata: { name: string }; spec?: Spec; specs?: Spec[] }[] };
    return Object.fromEntries(
      items.map(({ metadata, spec, specs = [] }) => [
        metadata.name,
        [...(spec ? [spec] : []), ...specs].flatMap(({ ingress }) =>
          ingress.flatMap(({ authentication }) => authentication?.mode ?? []),
        ),
      ]),
    );
  }

  /** Makes the API server refuse every write of objects of a name while something is done. */
  async denying<T>(name: string, action: () => T | Promise<T>): Promise<T> {
    const apiVersion = "admissionregistration.k8s.io/v1";
    const metadata = { name: "not-now" };
    const rule = { apiGroups: ["*"], apiVersions: ["*"], operations: ["CREATE", "UPDATE"], resources: ["*"] };
    const validation = { expression: `object.metadata.name != '${name}'`, message: `not now: ${name}` };
    const policy = { matchConstraints: { resourceRules: [rule] }, validations: [validation] };
    const binding = { policyName: "not-now", validationActions: ["Deny"] };
    this.apply("lab", [
      { apiVersion, kind: "ValidatingAdmissionPolicy", metadata, spec: policy },
      { apiVersion, kind: "ValidatingAdmissionPolicyBinding", metadata, spec: binding },
    ]);
    await until(`${name} is refused`, () => this.isDenied(name));
    try {
      return await action();
    } finally {
      for (const kind of ["validatingadmissionpolicybinding", "validatingadmissionpolicy"])
        this.plane.kubectl(["delete", kind, "not-now"]);
      await until(`${name} is not refused any more`, () => !this.isDenied(name));
    }
  }

  /** What the API server has seen of the user since now, in order, dry runs aside. */
  watchWrites(): () => Write[] {
    const { length } = writes(this.plane.auditLog);
    return () => writes(this.plane.auditLog).slice(length);
  }

  async stop(): Promise<void> {
    await this.plane.stop();
    this.project.dispose();
    rmSync(this.plugins, { recursive: true, force: true });
  }

  /** Whether a new object of the name would be refused. */
  private isDenied(name: string): boolean {
    try {
      this.plane.kubectl(["create", "configmap", name, "--namespace", "default", "--dry-run=server"]);
      return false;
    } catch {
      return true;
    }
  }
}
