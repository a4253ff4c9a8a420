import { isDeepStrictEqual } from "node:util";
import { describeObject, type KubernetesObject } from "../../core/util/kubernetes";
import type { Previous } from "../../core/rollout/state";
import { sayOnce } from "../../core/util/sayOnce";
import type { Facts } from "../facts/facts";

export type Severity = "mandatory" | "advisory";

/** One thing that a guardrail finds wrong. */
export interface Violation {
  /** Where: an object ("StatefulSet spire/spire-server") or a configuration key ("zero-trust:trustDomain"). */
  readonly where: string;
  /** What is wrong and what to write instead. Never a secret. */
  readonly message: string;
  /** The namespace that it is about, where the same may be found in others: it is then said once for all. */
  readonly namespace?: string;
  /** Set where this finding is less than the guardrail's own severity. */
  readonly severity?: Severity;
}

/** A rule that must hold before anything is deployed. Pure: the same facts give the same findings. */
export interface Guardrail {
  /** Kebab case, as it is known to users. */
  readonly name: string;
  /** What holds, as a sentence. */
  readonly description: string;
  readonly severity: Severity;
  /** The failure that it prevents, and where that was seen. */
  readonly prevents: string;
  readonly remediation: string;
  /** Whether it also stops an update that turns authentication off: only where that update would make an outage worse. */
  readonly blocksOff: boolean;
  /** Whether this object decides anything here. What is unknown at preview in such an object is a violation. */
  readonly reads?: (manifest: KubernetesObject) => boolean;
  /** Judges one object that it reads. */
  readonly checkObject?: (manifest: KubernetesObject, facts: Facts) => readonly Violation[];
  /** Judges what no single object decides. */
  readonly checkStack?: (facts: Facts) => readonly Violation[];
  /** Why part of it cannot be decided from these facts; undefined when all can. */
  readonly undecided?: (facts: Facts) => string | undefined;
}

/** What a guardrail says of one set of facts. */
export interface Verdict {
  readonly guardrail: Guardrail;
  readonly verdict: "pass" | "warn" | "fail" | "not decided";
  /** With the severity that counts here. */
  readonly violations: readonly (Violation & { readonly severity: Severity })[];
  readonly undecided?: string;
}

/**
 * Judges the facts by each guardrail. While `auth` is off, only those that guard the way off itself can fail: the others warn, because nothing that is
 * wrong elsewhere may stop a team that is turning authentication off in an incident.
 */
export function judge(guardrails: readonly Guardrail[], facts: Facts): Verdict[] {
  return guardrails.map((guardrail) => {
    const violations = violationsOf(guardrail, facts);
    const undecided = guardrail.undecided?.(facts);
    const failed = violations.some(({ severity }) => severity === "mandatory");
    const verdict = failed ? "fail" : undecided ? "not decided" : violations.length > 0 ? "warn" : "pass";
    return { guardrail, verdict, violations, ...(undecided === undefined ? {} : { undecided }) };
  });
}

/** All findings of one guardrail, with the severity that counts. */
export function violationsOf(guardrail: Guardrail, facts: Facts): (Violation & { severity: Severity })[] {
  const { reads = () => false, checkObject, checkStack } = guardrail;
  const found = [
    ...(checkObject ? facts.objects.filter(reads).flatMap((object) => checkObject(object, facts)) : []),
    ...(checkStack?.(facts) ?? []),
  ];
  const ceiling: Severity = facts.config.auth || guardrail.blocksOff ? guardrail.severity : "advisory";
  return found.map((violation) => ({
    ...violation,
    severity: ceiling === "advisory" ? ceiling : (violation.severity ?? ceiling),
  }));
}

/** A violation as users are told of it. */
export const messageOf = ({ name }: Pick<Guardrail, "name">, { where, message }: Omit<Violation, "severity">) =>
  `${name}: ${where} ${message}`;

/** Violations of one severity as users are told of them, what differs in the namespace alone once. */
export const messagesOf = (
  guardrail: Pick<Guardrail, "name">,
  violations: readonly Omit<Violation, "severity">[],
): string[] => sayOnce(violations.map((violation) => ({ ...violation, text: messageOf(guardrail, violation) })));

/** For what must not stop an update that may turn authentication off, but any other: also one with authentication off already. */
export function goesOff({ config, previous }: Facts): { readonly severity?: "advisory" } {
  if (config.auth) return {};
  const { state, cilium }: Previous = previous === "unknown" ? {} : previous;
  const isOff = state ? !state.auth : cilium === "off";
  return isOff ? {} : { severity: "advisory" };
}

/** A violation where a value is not the wanted one. */
export function mismatch(where: string, value: unknown, wanted: unknown): Violation[] {
  if (isDeepStrictEqual(value, wanted)) return [];
  return [{ where, message: `is ${JSON.stringify(value) ?? "missing"}; write ${JSON.stringify(wanted)}` }];
}

/** A violation in an object, at a place in it: `CiliumNetworkPolicy orders/api spec.ingress[0]`. */
export function inObject(manifest: KubernetesObject, place: string, message: string, severity?: Severity): Violation {
  const { namespace } = manifest.metadata;
  return {
    where: `${describeObject(manifest)} ${place}`,
    message,
    ...(namespace === undefined ? {} : { namespace }),
    ...(severity ? { severity } : {}),
  };
}
