import { installKey, installValue, isBundled } from "../../rules/bundledSpire";
import { inValues } from "../../rules/ciliumValues";
import { groupBy } from "../../../core/util/groupBy";
import type { Facts } from "../../facts/facts";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { mayBeSpire, spireConfigurationOf } from "../../rules/spireConfiguration";
import { spireWorkloads, volumesOf } from "../../rules/spireWorkloads";
import { recordOf, textOf } from "../../rules/values";

export const oneSpire: Guardrail = {
  name: "one-spire",
  description: "The cluster has one SPIRE: that of Cilium's chart, or another, and Cilium is told which.",
  severity: "mandatory",
  prevents:
    "Two servers and one directory for the sockets: the chart installs a SPIRE of its own unless install.enabled is false, and Cilium then talks to whichever agent made its socket last (cilium install/kubernetes/cilium/values.yaml).",
  remediation: "Write authentication.mutual.spire.install.enabled false beside a SPIRE of your own.",
  blocksOff: false,
  reads: (object) => ["ConfigMap", "DaemonSet"].includes(object.kind) && mayBeSpire(object),
  checkStack: (facts) => [...chartsBesideOwn(facts), ...sharedSockets(facts)],
};

function chartsBesideOwn({ config, objects, releases }: Facts): Violation[] {
  const another =
    config.spire.install !== "bundled" || objects.some((object) => spireConfigurationOf(object, "server"));
  return releases.filter(isBundled).flatMap((release) => {
    const where = inValues(release, installKey("enabled"));
    if (another) {
      const message = `is ${textOf(installValue(release, "enabled") ?? "true by default")}, beside another SPIRE; write false`;
      return [{ where, message }];
    }
    return installValue(release, "enabled") === true ? [] : [{ where, message: "is true by default; write true" }];
  });
}

/** Agents of two DaemonSets that make their sockets in one directory of the nodes. */
function sharedSockets({ objects }: Facts): Violation[] {
  const agents = spireWorkloads(objects, "agent").flatMap(({ workload }) =>
    volumesOf(workload).flatMap((volume) => {
      const { path } = recordOf(volume["hostPath"]);
      return typeof path === "string" && path.startsWith("/run/") ? [{ workload, path }] : [];
    }),
  );
  return [...groupBy(agents, ({ path }) => path).values()].flatMap(([, ...others]) =>
    others.map(({ workload, path }) =>
      inObject(workload, "volumes", `share ${path} with another SPIRE agent's; choose one`),
    ),
  );
}
