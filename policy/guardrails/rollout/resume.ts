import type { Guardrail } from "../../rules/guardrail";

export const resume: Guardrail = {
  name: "resume",
  description: "After authentication was turned off, it goes on again only by an explicit word.",
  severity: "mandatory",
  prevents:
    "An incident that comes back: a pipeline that still has auth: true undoes with its next run what was turned off in the incident (as Argo CD's selfHeal sets back whatever Git does not have).",
  remediation: "When the incident is over, set rollout.resume to the number that the message names.",
  blocksOff: false,
  checkStack: ({ config: { auth, rollout }, previous }) => {
    const state = previous === "unknown" ? undefined : previous.state;
    const { offs = 0 } = state ?? {};
    if (!auth || !state || state.auth || offs === 0 || rollout.resume === offs) return [];
    const since = rollout.resume === undefined ? "" : `, and rollout.resume is ${rollout.resume}`;
    const message = `is true, but it was turned off${offs > 1 ? ` ${offs} times` : ""}${since}; when the incident is over: pulumi config set --path zero-trust:rollout.resume ${offs}`;
    return [{ where: "zero-trust:auth", message }];
  },
  undecided: ({ config, previous }) =>
    previous === "unknown" && config.auth
      ? "whether it was turned off: there is no deployed state to compare with"
      : undefined,
};
