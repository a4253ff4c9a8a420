import { valueAt } from "../core/util/path";
import { listStacks, readStackFile } from "./stackFile";

/** The trust domains and clusters of the project's other stacks. A stack file that cannot be read is left out: another cluster's mistake is not this one's. */
export function readPeers(
  directory: string,
  stack: string,
): { name: string; trustDomain: string; identity?: string }[] {
  return listStacks(directory).flatMap((name) => {
    if (name === stack) return [];
    try {
      const values = readStackFile(directory, name);
      const { trustDomain } = values;
      const identity = valueAt(values, ["cluster", "identity"]);
      const known = typeof identity === "string" ? { identity } : {};
      return typeof trustDomain === "string" ? [{ name, trustDomain, ...known }] : [];
    } catch {
      return [];
    }
  });
}
