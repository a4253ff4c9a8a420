import { listStacks, readStackFile } from "./stackFile";

/** The trust domains of the project's other stacks. A stack file that cannot be read is left out: another cluster's mistake is not this one's. */
export function readPeers(directory: string, stack: string): { name: string; trustDomain: string }[] {
  return listStacks(directory).flatMap((name) => {
    if (name === stack) return [];
    try {
      const { trustDomain } = readStackFile(directory, name);
      return typeof trustDomain === "string" ? [{ name, trustDomain }] : [];
    } catch {
      return [];
    }
  });
}
