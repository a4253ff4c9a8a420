import type { StackConfig } from "../core/schema/schema";
import type { PhaseChange } from "../core/rollout/phases";
import type { Previous } from "../core/rollout/state";
import { sayOnce } from "../core/util/sayOnce";
import { marksSnippet, meshMarks, takesRunningPods, writesMarks } from "../components/access/meshMarks";

/**
 * The namespaces that this program takes into another mesh than Cilium: those that it may write, and where nobody could say, those that it wrote. An update that turns
 * the flag changes nothing about them.
 */
export function markedNamespaces(
  { auth, mesh }: Pick<StackConfig, "auth" | "mesh">,
  { state, namespaces = {} }: Previous,
  phases: readonly PhaseChange[],
): string[] {
  if (!mesh || !writesMarks(mesh)) return [];
  const before = state?.marked ?? [];
  const turns = state !== undefined && state.auth !== auth;
  const isOurs = (namespace: string) =>
    turns || namespaces[namespace] === undefined ? before.includes(namespace) : namespaces[namespace] === "ours";
  return inMesh(phases).filter(isOurs).sort();
}

/** Where no mesh takes pods in. */
const kubernetesOwn = /^kube-(system|public|node-lease)$/;

/** The namespaces that are in the mesh by their phases, whoever writes the marks. */
export const inMesh = (phases: readonly Pick<PhaseChange, "namespace" | "to">[]): string[] =>
  phases.flatMap(({ namespace, to }) => (to === "off" || kubernetesOwn.test(namespace) ? [] : [namespace]));

/** The namespaces that have to be taken into it in Git. */
export const gitNamespaces = (
  { mesh }: Pick<StackConfig, "mesh">,
  { namespaces = {} }: Previous,
  phases: readonly PhaseChange[],
): string[] =>
  inMesh(phases).filter(
    (namespace) => (namespaces[namespace] ?? (mesh && !writesMarks(mesh) ? "git" : undefined)) === "git",
  );

/** What the reader has to do for namespaces that this program takes into no mesh. */
export function meshNotes({ mesh }: StackConfig, previous: Previous, phases: readonly PhaseChange[]): string[] {
  if (!mesh) return [];
  const marks = meshMarks(mesh);
  const restart = takesRunningPods(mesh) ? "" : ", and restart its pods";
  const missing = phases.filter(({ namespace, to }) => to !== "off" && previous.namespaces?.[namespace] === "missing");
  return sayOnce([
    ...gitNamespaces({ mesh }, previous, phases).map((namespace) => ({
      namespace,
      text: `Git has the namespace ${namespace}, so it is not changed here. Write there${restart}:\n${marksSnippet(namespace, marks)}`,
    })),
    ...missing.map(({ namespace }) => ({
      namespace,
      text: `There is no namespace ${namespace} yet. Make it with:\n${marksSnippet(namespace, marks)}`,
    })),
  ]);
}
