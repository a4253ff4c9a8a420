import type { StackConfig } from "../core/schema/schema";
import { gitNamespaces } from "./marks";
import type { PhaseChange } from "../core/rollout/phases";
import type { Previous } from "../core/rollout/state";
import { sayOnce } from "../core/util/sayOnce";
import { marksSnippet, meshMarks, takesRunningPods } from "../components/access/meshMarks";

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
