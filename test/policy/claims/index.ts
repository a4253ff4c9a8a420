import { authModes } from "./authModes";
import { authRules } from "./authRules";
import { certificates } from "./certificates";
import { ciliumValues } from "./ciliumValues";
import type { Claims } from "./claim";
import { cluster } from "./cluster";
import { defaultDeny } from "./defaultDeny";
import { flag } from "./flag";
import { meshes } from "./meshes";
import { pods } from "./pods";
import { policies } from "./policies";
import { rollout } from "./rollout";
import { spire } from "./spire";
import { spireAgents } from "./spireAgents";
import { spireServer } from "./spireServer";
import { spireState } from "./spireState";

/** What every guardrail claims to catch. */
export const claims: Claims = {
  ...flag,
  ...rollout,
  ...cluster,
  ...ciliumValues,
  ...policies,
  ...authRules,
  ...authModes,
  ...defaultDeny,
  ...meshes,
  ...spire,
  ...spireServer,
  ...spireState,
  ...spireAgents,
  ...pods,
  ...certificates,
};
