import { closest } from "fastest-levenshtein";
import type { StackConfig } from "../../core/schema/schema";
import type { Guardrail } from "./guardrail";

/** Today's date in UTC, as in 2026-12-31. */
export const today = (): string => new Date().toISOString().slice(0, 10);

/** A guardrail with the severity that the stack's configuration gives it, which may end with a day. */
export function waived(guardrail: Guardrail, { guardrails }: StackConfig, day: string): Guardrail {
  const waiver = guardrails[guardrail.name];
  return waiver && isInForce(waiver, day) ? { ...guardrail, severity: waiver.severity } : guardrail;
}

/** All of them, as they are in force. */
export const inForce = (guardrails: readonly Guardrail[], config: StackConfig, day: string): Guardrail[] =>
  guardrails.map((guardrail) => waived(guardrail, config, day));

/** What every preview says of the severities that the stack's configuration changes, by the guardrail's name. */
export function waiverNotes(
  guardrails: readonly Guardrail[],
  { guardrails: waivers }: StackConfig,
  day: string,
): string[] {
  const names = guardrails.map(({ name }) => name);
  return Object.entries(waivers).flatMap(([name, waiver]) => {
    const { severity, until, reason } = waiver;
    const key = `zero-trust:guardrails.${name}`;
    if (!names.includes(name))
      return [`${key} names no guardrail, and changes nothing; did you mean ${closest(name, names)}?`];
    if (!isInForce(waiver, day))
      return [`${key} ended on ${until}: the guardrail stops updates again; remove the key, or write a later day`];
    return severity === "advisory" ? [`${key}: it only warns until ${until}: ${reason}`] : [];
  });
}

/** ISO dates are in the order of their text. */
const isInForce = ({ until }: StackConfig["guardrails"][string], day: string) => until === undefined || day <= until;
