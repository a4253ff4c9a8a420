import { given, ok, warn, type Check } from "../finding";

/** Whether somebody is told when authentication is about to fail. */
export const alerts: Check = {
  name: "alerts",
  of: "cilium",
  look: (facts) =>
    given(facts.untold, "which alerts there are", facts, (untold) =>
      untold.length === 0
        ? ok("somebody is told of SPIRE's server, its agents and dropped callers")
        : warn(
            `no PrometheusRule alerts of ${untold.join(", or of ")}`,
            "docs/operating.md, Alerts; spire.monitoring brings those of SPIRE",
          ),
    ),
};
