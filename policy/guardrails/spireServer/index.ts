import type { Guardrail } from "../../rules/guardrail";
import { bundledSpire } from "./bundledSpire";
import { leastPrivilege } from "./leastPrivilege";
import { podSecurity } from "./podSecurity";
import { serverSidecar } from "./serverSidecar";
import { spireOptions } from "./spireOptions";
import { versionSkew } from "./versionSkew";
import { webhookFailsOpen } from "./webhookFailsOpen";

/** SPIRE's pods: their rights, versions and options. */
export const spireServer: readonly Guardrail[] = [
  serverSidecar,
  bundledSpire,
  leastPrivilege,
  podSecurity,
  webhookFailsOpen,
  versionSkew,
  spireOptions,
];
