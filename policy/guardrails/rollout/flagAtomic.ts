import { authenticationFlags } from "../../../core/schema/ciliumNames";
import { extraOf, inValues } from "../../rules/ciliumValues";
import type { Release } from "../../facts/facts";
import type { Guardrail, Violation } from "../../rules/guardrail";
import { recordOf } from "../../rules/values";

export const flagAtomic: Guardrail = {
  name: "flag-atomic",
  description: "Cilium's two authentication flags and its rollouts move together with auth.",
  severity: "mandatory",
  prevents:
    "A half state: the chart refuses one flag without the other (cilium#26208), and agents that are not rolled go on with what they started with (devantler-tech/platform#1969).",
  remediation: "Write both flags as booleans equal to auth, with rollOutCiliumPods and operator.rollOutPods true.",
  // A half state on the way off is the outage that the way off is for.
  blocksOff: true,
  checkStack: ({ config: { auth }, releases }) =>
    releases.flatMap((release) => {
      const { authentication, rollOutCiliumPods, operator } = recordOf(release.values);
      const { enabled, mutual } = recordOf(authentication);
      const spire = recordOf(recordOf(mutual)["spire"]);
      const wanted: readonly (readonly [key: string, value: unknown, wanted: boolean])[] = [
        ["authentication.enabled", enabled, auth],
        ["authentication.mutual.spire.enabled", spire["enabled"], auth],
        ["rollOutCiliumPods", rollOutCiliumPods, true],
        ["operator.rollOutPods", recordOf(operator)["rollOutPods"], true],
      ];
      return [
        ...wanted
          .filter(([, value, wanted]) => value !== wanted)
          .map(([key, value, wanted]) => ({
            where: inValues(release, key),
            message: `is ${JSON.stringify(value) ?? "missing"} while auth is ${auth ? "on" : "off"}; write ${wanted}`,
          })),
        ...pinned(release),
      ];
    }),
};

/** Flags in `extraConfig`, which replaces what the chart writes and so would not move. */
const pinned = (release: Release): Violation[] =>
  authenticationFlags
    .filter((key) => extraOf(release, key) !== undefined)
    .map((key) => ({
      where: inValues(release, `extraConfig.${key}`),
      message: "replaces what the flag auth decides; remove it",
    }));
