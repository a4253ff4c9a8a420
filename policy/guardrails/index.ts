import type { Guardrail } from "../rules/guardrail";
import { access } from "./access";
import { certificates } from "./certificates";
import { cilium } from "./cilium";
import { cluster } from "./cluster";
import { meshes } from "./meshes";
import { rollout } from "./rollout";
import { spire } from "./spire";
import { spireAgents } from "./spireAgents";
import { spireServer } from "./spireServer";
import { spireStorage } from "./spireStorage";
import { upkeep } from "./upkeep";

/** Every guardrail, in the order in which they are shown: a folder for each subject, and in it the order of its `index.ts`. */
export const guardrails: readonly Guardrail[] = [
  ...rollout,
  ...cluster,
  ...cilium,
  ...access,
  ...meshes,
  ...spire,
  ...spireAgents,
  ...spireServer,
  ...spireStorage,
  ...upkeep,
  ...certificates,
];
