import type { Guardrail } from "../../policy/rules/guardrail";

/** The page docs/guardrails.md. */
export function guardrailsPage(guardrails: readonly Guardrail[]): string {
  return [
    "# Guardrails",
    "",
    "Written by `npm run render`. Each is judged by `render`, by the program before it registers anything, and by the policy pack. A mandatory one stops the update;",
    "while `auth` is off it only warns, unless it guards the way off itself. What it finds in several namespaces is one message with `NAMESPACE` for the name, also in commands, and the",
    "list of the namespaces.",
    "",
    "`zero-trust:guardrails` in a stack file gives one another severity: `version-skew: { severity: mandatory }`, or",
    "`tcp-only: { severity: advisory, reason: why, until: 2026-12-31 }`, which every preview shows, and which ends after that day.",
    "",
    ...guardrails.flatMap(({ name, description, severity, blocksOff, prevents, remediation }) => [
      `## ${name}`,
      "",
      `${description} *${severity}${blocksOff ? ", also on the way off" : ""}*`,
      "",
      `- **Prevents:** ${prevents}`,
      `- **To put it right:** ${remediation}`,
      "",
    ]),
  ].join("\n");
}
