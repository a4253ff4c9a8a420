import { choice, formed, text, type Fault } from "./fields";
import { reasonForm } from "./intentFaults";

const form = {
  allowed:
    "{ severity: mandatory }, or { severity: advisory, reason: why, until: the last day on which it only warns }",
  example: '{"severity":"advisory","reason":"the new CSI driver is due in June","until":"2026-12-31"}',
};

/** Another severity for a guardrail. To make it warn only takes a reason, and the day on which that ends. */
export const waiver = formed(
  {
    severity: choice("mandatory", "advisory"),
    /** Shown in every preview. */
    reason: text(reasonForm.pattern, reasonForm.allowed, "the new CSI driver is due in June").optional(),
    /** The last day, in UTC. The next day the guardrail stops updates again. */
    until: text(/^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/, "a date, as in 2026-12-31", "2026-12-31").optional(),
  },
  ({ severity, reason, until }): Fault[] => {
    if (severity === "mandatory") return [];
    return Object.entries({ reason, until }).flatMap(([key, value]) =>
      value === undefined ? [{ path: [key], problem: "is missing", ...form }] : [],
    );
  },
  form,
);
