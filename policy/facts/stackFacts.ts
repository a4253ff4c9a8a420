import { readPeers } from "../../config/stackFile";
import type { StackConfig } from "../../core/schema/schema";
import { seconds } from "../../core/util/duration";
import { evidenceFaults } from "../../core/rollout/evidence";
import { EvidenceError, readEvidence } from "../../core/rollout/evidenceFile";
import type { Facts } from "./facts";

/**
 * What the project's files say beside a stack's own configuration. Evidence is read when a rule asks for it, which is at a promotion alone.
 *
 * @param directory the project's
 */
export const stackFacts = (directory: string, name: string, { access, rollout }: StackConfig): Facts["stack"] => ({
  name,
  peers: readPeers(directory, name),
  evidence: (namespace) => {
    const maxAgeHours = (seconds(rollout.evidenceMaxAge) ?? 0) / 3600;
    const leastWindow = seconds(rollout.evidenceWindow) ?? 0;
    try {
      const evidence = readEvidence(directory, name, namespace);
      return evidenceFaults(evidence, {
        stack: name,
        namespace,
        intents: access,
        now: new Date(),
        maxAgeHours,
        leastWindow,
      });
    } catch (error) {
      // Whatever is the matter with the file, it must not stop the way off.
      return [
        error instanceof EvidenceError ? error.message : `its evidence cannot be read: ${(error as Error).message}`,
      ];
    }
  },
});
