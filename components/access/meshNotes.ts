import type { StackConfig } from "../config/schema";
import { gitNamespaces } from "../rollout/marks";
import type { PhaseChange } from "../rollout/phases";
import type { Previous } from "../rollout/state";
import { sayOnce } from "../sayOnce";
import { marksSnippet, meshMarks, takesRunningPods } from "./meshMarks";

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
