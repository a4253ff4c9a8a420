import type { Conflict } from "./conflicts/conflict";
import { read as kubernetesYaml } from "../core/util/kubernetesYaml";
import { readYamlFile } from "./yamlFile";

type Values = Readonly<Record<string, unknown>>;

/** What is ours in the values of Cilium's chart, and so must not be in the file. */
const ours = [["authentication"], ["rollOutCiliumPods"], ["operator", "rollOutPods"]] as const;

/**
 * Reads the file with all values of Cilium's chart but our own, as helm reads it.
 *
 * @param file relative to the directory; without one there is nothing to read, nor where there is no directory
 * @returns the values, or what is wrong with the file
 */
export function readBaseValues(
  file: string | undefined,
  directory: string | null,
): { values?: Values; conflicts: readonly Conflict[] } {
  if (file === undefined || directory === null) return { conflicts: [] };
  const conflict = (allowed: string) => ({
    path: ["cluster", "cilium", "valuesFile"],
    hint: { allowed, example: file },
  });
  const read = readYamlFile(file, directory, kubernetesYaml);
  if ("allowed" in read) return { conflicts: [conflict(read.allowed)] };
  const { content: values } = read;
  if (typeof values !== "object" || values === null || Array.isArray(values))
    return { conflicts: [conflict(`a file with the chart's values as a YAML object, which ${file} is not`)] };
  const found = ours.filter((path) => has(values, path)).map((path) => path.join("."));
  if (found.length === 0) return { values: values as Values, conflicts: [] };
  return { conflicts: [conflict(`a file without ${found.join(", ")}: this program sets that, from the flag auth`)] };
}

const has = (values: unknown, [key, ...rest]: readonly string[]): boolean =>
  key === undefined ||
  (typeof values === "object" && values !== null && key in values && has((values as Values)[key], rest));
