import type { Guardrail } from "../guardrail";

export const authConsumed: Guardrail = {
  name: "auth-consumed",
  description: "Where authentication is on, some namespace demands it.",
  severity: "advisory",
  prevents:
    "Believing it is on: SPIRE and Cilium run, their logs fill with identities that nobody asked for, and no call is authenticated (devantler-tech/platform#1772).",
  remediation: "Take a namespace to require, or set auth to false until one is.",
  blocksOff: false,
  checkStack: ({ config: { auth, rollout } }) =>
    !auth || Object.values(rollout.phases).includes("require")
      ? []
      : [{ where: "zero-trust:rollout.phases", message: "has no namespace in require, so nothing is authenticated" }],
};
