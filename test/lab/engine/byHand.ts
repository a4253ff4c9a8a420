import { readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { expect } from "vitest";
import { breakGlass } from "../../../cli/render/breakGlass";
import { renderStack } from "../../../cli/lib/renderStack";
import { loadConfig } from "../../../config/load";
import { readStackFile } from "../../../config/stackFile";
import { describeObject, manifestsOf, type KubernetesObject } from "../../../core/util/kubernetes";
import { previousFor } from "../../../plan/origins";
import { plan } from "../../../plan/plan";
import type { Done } from "../../../lab/project";
import { until } from "../../../lab/until";
import { buildTool } from "../../../tools/go";
import { LabStack, policy, values, withoutPack } from "./stack";

// What people do to a cluster by hand, one object at a time, and how a stack comes back from it.

const finalizer = "example.com/nobody-removes-it";
const setOff = ["config", "set", "auth", "false", "--stack", "apps"];
const upOff = ["up", "--stack", "apps", "--yes"];

/** The stack apps in `require`, to which it can be set back without an update. */
export class TurnedOn {
  private readonly state: string;
  private readonly file: string;
  /** All objects that the stack has made, as planned, in their order. */
  readonly objects: readonly KubernetesObject[];

  /** Starts a control plane, and brings the stack to `require`. */
  static async start(): Promise<TurnedOn> {
    const stack = await LabStack.start();
    stack.turnOn();
    return new TurnedOn(stack);
  }

  /** @param stack in `require` */
  constructor(readonly stack: LabStack) {
    const { directory } = stack.project;
    this.file = readFileSync(join(directory, "Pulumi.apps.yaml"), "utf8");
    this.state = join(directory, "turned-on.json");
    stack.project.must(["stack", "export", "--stack", "apps", "--file", this.state]);
    const config = loadConfig(readStackFile(directory, "apps"), "apps", { directory });
    this.objects = manifestsOf(plan(config, previousFor("on", config)).components);
  }

  /** The object that a description names, as `Namespace spire`. */
  object(description: string): KubernetesObject {
    const found = this.objects.find((object) => describeObject(object) === description);
    if (!found) throw new Error(`the stack has no ${description}`);
    return found;
  }

  /** Turns authentication off as a user does: the two commands, with a preview and the policy pack. */
  turnOff(): Done {
    this.stack.project.must(setOff);
    return this.stack.project.pulumi(upOff);
  }

  /** The same in the background, to do something to the cluster meanwhile. */
  startOff(): Promise<Done> {
    this.stack.project.must(setOff);
    return this.stack.project.start(upOff);
  }

  /** The commands that `render --break-glass` prints for kubectl, in their order, but for what asks Cilium's agents, which run on real nodes alone. */
  breakGlassCommands(): string[] {
    return this.breakGlassText()
      .split("\n")
      .filter((line) => line !== "" && !/^(#|for agent|pulumi )/.test(line));
  }

  breakGlassText(): string {
    return breakGlass(renderStack(this.stack.project.directory, "apps", ["auth=false"], "on"));
  }

  /** Runs commands for kubectl as a user does. */
  shell(commands: string): Done {
    return this.stack.project.shell(commands, dirname(buildTool("kubectl")));
  }

  /** The same in the background. */
  startShell(commands: string): Promise<Done> {
    return this.stack.project.startShell(commands, dirname(buildTool("kubectl")));
  }

  /**
   * Turns authentication off, and expects what that has to come to.
   *
   * @returns what the commands said
   */
  expectOff(): string {
    const { status, output } = this.turnOff();
    expect(output).not.toMatch(/\n\s+at .*\.(ts|js):\d+/);
    expect({ status, output }).toMatchObject({ status: 0 });
    this.expectAllOff();
    return output;
  }

  /** Expects that no policy demands authentication, Cilium is told to stop, and off is recorded. */
  expectAllOff(): void {
    this.expectRelaxed();
    expect(this.stack.recorded()).toEqual({ auth: false, phase: "allow" });
  }

  /** Expects that no policy demands authentication, and Cilium is told to stop. */
  expectRelaxed(): void {
    expect(this.knowsPolicies() ? Object.values(this.stack.demands()).flat() : []).toEqual([]);
    expect(this.stack.enabled()).toBe(false);
  }

  /** Whether the API server has the kind of the policies. */
  knowsPolicies(): boolean {
    const { output } = this.shell("kubectl api-resources --cached=false --api-group cilium.io --output name");
    return output.includes("ciliumnetworkpolicies");
  }

  /** Makes the objects, what is recorded of them and the stack file what they were. */
  async restore(): Promise<void> {
    const { plane, project } = this.stack;
    writeFileSync(join(project.directory, "Pulumi.apps.yaml"), this.file);
    const isFirst = ({ kind }: KubernetesObject) => ["Namespace", "CustomResourceDefinition"].includes(kind);
    for (const object of this.objects.filter(isFirst)) await this.untilUsable(object);
    this.stack.apply("zero-trust", this.objects.filter(isFirst));
    plane.kubectl(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
    this.stack.apply(
      "zero-trust",
      this.objects.filter((object) => !isFirst(object)),
    );
    project.must(["stack", "import", "--stack", "apps", "--file", this.state]);
  }

  /** Deletes an object and, if it hangs, what keeps it. */
  async remove(object: KubernetesObject): Promise<void> {
    this.stack.plane.kubectl([...this.at("delete", object), "--wait=false", "--ignore-not-found"]);
    // A claim stays as long as a scheduled pod has its volume.
    if (object.kind === "PersistentVolumeClaim")
      this.stack.plane.kubectl(["delete", "pods", "--all", "--force", "--namespace", object.metadata.namespace ?? ""]);
    await this.untilGone(object);
  }

  /** Deletes an object that stays, since nobody removes its finalizer. */
  hang(object: KubernetesObject): void {
    const { apiVersion, kind, metadata } = object;
    const { name, namespace } = metadata;
    const place = { name, ...(namespace === undefined ? {} : { namespace }) };
    this.stack.apply("somebody", [{ apiVersion, kind, metadata: { ...place, finalizers: [finalizer] } }]);
    this.stack.plane.kubectl([...this.at("delete", object), "--wait=false"]);
  }

  /** Lets an object go that hangs. */
  release(object: KubernetesObject): void {
    this.patch(object, { metadata: { finalizers: null } });
  }

  async untilGone(object: KubernetesObject): Promise<void> {
    await until(`${describeObject(object)} is gone`, () => !this.find(object), { seconds: 60 });
  }

  /** Waits until an object that is being deleted is gone. */
  private async untilUsable(object: KubernetesObject): Promise<void> {
    const deleted = this.find(object)?.metadata as { deletionTimestamp?: string } | undefined;
    if (deleted?.deletionTimestamp !== undefined) await this.untilGone(object);
  }

  /** Writes all of an object as another field manager, with a field more. */
  takeOver(manager: string, object: KubernetesObject): void {
    const labels = { ...object.metadata.labels, "example.com/owner": manager };
    this.stack.apply(manager, [{ ...object, metadata: { ...object.metadata, labels } }]);
  }

  /** The object in the cluster. */
  find(object: KubernetesObject): KubernetesObject | undefined {
    const found = this.stack.plane.kubectl([...this.at("get", object), "--ignore-not-found", "--output=json"]);
    return found === "" ? undefined : (JSON.parse(found) as KubernetesObject);
  }

  private patch(object: KubernetesObject, patch: object): void {
    this.stack.plane.kubectl([...this.at("patch", object), "--type=merge", `--patch=${JSON.stringify(patch)}`]);
  }

  private at(verb: string, { apiVersion, kind, metadata: { name, namespace } }: KubernetesObject): string[] {
    const [version, group] = apiVersion.split("/").reverse();
    const type = group === undefined ? kind : `${kind}.${version}.${group}`;
    return [verb, type, name, ...(namespace === undefined ? [] : ["--namespace", namespace])];
  }
}

/** Something that people do to the cluster of a stack. */
export interface Fault {
  /** As in "after …". */
  readonly name: string;
  make(on: TurnedOn): void | Promise<void>;
  /** What must be taken back before the objects can be restored. */
  undo?(on: TurnedOn): Promise<void>;
}

const isPolicy = ({ kind }: KubernetesObject) => kind === "CiliumNetworkPolicy";
export const policiesOf = (on: TurnedOn) => on.objects.filter(isPolicy);
const valuesOf = (on: TurnedOn) => on.object(`ConfigMap kube-system/${values}`);
const onWayOff = (on: TurnedOn) => [...policiesOf(on), valuesOf(on)];

const policyKind = "ciliumnetworkpolicies.cilium.io";
const guard = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "guard", namespace: "orders" } };
let definition: { spec: object };

/** What people do to the objects on which turning authentication off depends. */
export const faults: readonly Fault[] = [
  {
    name: "the policies were deleted",
    make: async (on) => {
      for (const policy of policiesOf(on)) await on.remove(policy);
    },
  },
  { name: "Cilium's values were deleted", make: (on) => on.remove(valuesOf(on)) },
  {
    name: "another field manager took over the policies and the values",
    make: (on) => onWayOff(on).forEach((object) => on.takeOver("kustomize-controller", object)),
  },
  {
    name: "somebody began to delete the policies and the values, which a finalizer keeps",
    make: (on) => onWayOff(on).forEach((object) => on.hang(object)),
    undo: async (on) => {
      for (const object of onWayOff(on)) {
        if (on.find(object)) on.release(object);
        await on.untilGone(object);
      }
    },
  },
  {
    name: "somebody began to delete the values, which a finalizer keeps that kubectl has set",
    make: (on) => {
      const finalizers = JSON.stringify({ metadata: { finalizers: ["example.com/by-kubectl"] } });
      const at = [`configmap/${values}`, "--namespace", "kube-system"];
      on.stack.plane.kubectl(["patch", ...at, "--type=merge", `--patch=${finalizers}`]);
      on.stack.plane.kubectl(["delete", ...at, "--wait=false"]);
    },
    undo: async (on) => {
      const found = on.find(valuesOf(on))?.metadata as { deletionTimestamp?: string } | undefined;
      if (found?.deletionTimestamp === undefined) return;
      on.release(valuesOf(on));
      await on.untilGone(valuesOf(on));
    },
  },
  {
    name: "somebody began to delete the namespace of the policies",
    make: async (on) => {
      on.stack.apply("somebody", [guard]);
      on.hang(guard);
      on.stack.plane.kubectl(["delete", "namespace", "orders", "--wait=false"]);
      for (const policy of policiesOf(on)) await on.untilGone(policy);
    },
    undo: async (on) => {
      on.release(guard);
      await on.untilGone({ apiVersion: "v1", kind: "Namespace", metadata: { name: "orders" } });
      on.stack.plane.kubectl(["create", "namespace", "orders"]);
    },
  },
  {
    name: "the kind of the policies was deleted",
    make: (on) => {
      definition = JSON.parse(on.stack.plane.kubectl(["get", "crd", policyKind, "--output=json"])) as typeof definition;
      on.stack.plane.kubectl(["delete", "crd", policyKind]);
    },
    undo: async (on) => {
      const { spec } = definition;
      const kind = "CustomResourceDefinition";
      on.stack.apply("lab", [{ apiVersion: "apiextensions.k8s.io/v1", kind, metadata: { name: policyKind }, spec }]);
      await until("the API server knows the kind again", () => on.knowsPolicies());
    },
  },
  {
    name: "an update failed half-way",
    make: async ({ stack }) => {
      stack.set("spire.ttl.x509Svid", "2h");
      stack.set("access[0].callers[0].serviceAccount", "checkout");
      await stack.denying(policy, () => stack.failingUp(withoutPack));
    },
  },
];
