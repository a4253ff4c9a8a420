import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";
import { loadConfig } from "../../../components/config/load";
import { readStackFile } from "../../../components/config/stackFile";
import { describeObject, manifestsOf, type KubernetesObject } from "../../../components/kubernetes";
import { previousFor } from "../../../components/origins";
import { plan } from "../../../components/plan";
import type { Done } from "../../../lab/project";
import { until } from "../../../lab/until";
import { LabStack } from "./stack";

// What people do to a cluster by hand, one object at a time, and how a stack comes back from it.

const finalizer = "example.com/nobody-removes-it";

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
    this.stack.project.must(["config", "set", "auth", "false", "--stack", "apps"]);
    return this.stack.project.pulumi(["up", "--stack", "apps", "--yes"]);
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
    expect(Object.values(this.stack.demands()).flat()).toEqual([]);
    expect(this.stack.enabled()).toBe(false);
    expect(this.stack.recorded()).toEqual({ auth: false, phase: "allow" });
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
