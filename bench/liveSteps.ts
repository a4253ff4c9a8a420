// What `npm run bench:live` measures: by the engine, and by kubectl with the same objects.
import { setTimeout } from "node:timers/promises";
import type { StackConfig } from "../core/schema/schema";
import { manifestsOf, type KubernetesObject } from "../core/util/kubernetes";
import { plan } from "../plan/plan";
import { askRules } from "../live/probes/rules";
import type { ControlPlane } from "../lab/controlPlane";
import type { LabStack } from "../test/lab/engine/stack";

/** Milliseconds of each thing that was measured, in each round. */
export type Measured = Map<string, number[]>;

export async function measure(measured: Measured, name: string, action: () => unknown): Promise<void> {
  process.stderr.write(`${name}\n`);
  const start = performance.now();
  await action();
  record(measured, name, performance.now() - start);
}

function record(measured: Measured, name: string, ms: number): void {
  measured.set(name, [...(measured.get(name) ?? []), ms]);
}

/** The objects of an update, as `render` writes them, and a cluster's namespaces for them. */
export const objectsOf = (config: StackConfig) => manifestsOf(plan(config, {}).components);
export const namespacesOf = (config: StackConfig) => Object.keys(config.rollout.phases);

/** What `render` says to do with its files, where there is no Pulumi. */
export function applyByKubectl(plane: ControlPlane, objects: readonly KubernetesObject[]): void {
  const isFirst = ({ kind }: KubernetesObject) => kind === "CustomResourceDefinition" || kind === "Namespace";
  const text = (some: readonly KubernetesObject[]) => some.map((object) => JSON.stringify(object)).join("\n---\n");
  const apply = ["apply", "--server-side", "--force-conflicts", "--field-manager=zero-trust", "--filename=-"];
  plane.kubectl(apply, text(objects.filter(isFirst)));
  plane.kubectl(["wait", "--for=condition=Established", "crd", "--all"]);
  plane.kubectl(apply, text(objects.filter((object) => !isFirst(object))));
  for (const workload of ["statefulset/spire-server", "daemonset/spire-agent"])
    plane.kubectl(["rollout", "status", workload, "--namespace=spire", "--timeout=60s"]);
}

/** Whatever there is between the files and the cluster; nothing, since they are what is there. */
export function diffByKubectl(plane: ControlPlane, objects: readonly KubernetesObject[]): void {
  plane.kubectl(
    ["diff", "--server-side", "--force-conflicts", "--field-manager=zero-trust", "--filename=-"],
    objects.map((object) => JSON.stringify(object)).join("\n---\n"),
  );
}

/** The two things that are measured when authentication is turned off. */
export const untilRelaxed = "off, its preview included, until no policy demands authentication";
export const untilEnd = "the same until the command ends";

/**
 * Turns authentication off by the user's own two commands, preview included.
 *
 * @throws where nothing demands authentication before, or something does afterwards
 */
export async function measureOff(
  measured: Measured,
  { plane, project }: LabStack,
  name: string,
  cluster: StackConfig["cluster"],
): Promise<void> {
  process.stderr.write(`${untilRelaxed}\n`);
  process.env["KUBECONFIG"] = plane.kubeconfig;
  const demanding = async () => {
    const rules = await askRules(cluster);
    if ("because" in rules) throw new Error(`the policies cannot be read: ${rules.because}`);
    return rules.length;
  };
  if ((await demanding()) === 0) throw new Error("no policy demands authentication: there is nothing to turn off");
  const start = performance.now();
  project.must(["config", "set", "auth", "false", "--stack", name]);
  let ended = false;
  const command = project.start(["up", "--yes", "--stack", name]).finally(() => (ended = true));
  let left = await demanding();
  for (; left > 0 && !ended; left = await demanding()) await setTimeout(50);
  record(measured, untilRelaxed, performance.now() - start);
  const { status, output } = await command;
  record(measured, untilEnd, performance.now() - start);
  if (status !== 0 || left > 0) throw new Error(`authentication was not turned off:\n${output}`);
}
