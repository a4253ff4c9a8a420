import { isWorkload } from "../../../core/schema/intent";
import { inObject, type Guardrail } from "../../rules/guardrail";
import { podOf, recordOf, textOf } from "../../rules/values";

export const shortLivedCallers: Guardrail = {
  name: "short-lived-callers",
  description: "No Job or CronJob is among the callers of whom authentication is asked.",
  severity: "advisory",
  prevents:
    "Runs that fail at random: the first packets of a new pod are dropped until its identity has reached both nodes, and a job that gives up sooner fails; one failed three times in four (devantler-tech/platform#2211).",
  remediation:
    "Let the job try again for half a minute, or write withoutAuthentication and a reason for its caller in zero-trust:access.",
  blocksOff: false,
  reads: ({ apiVersion, kind }) => apiVersion.startsWith("batch/") && (kind === "Job" || kind === "CronJob"),
  checkObject: (job, { config: { access, rollout } }) => {
    const pod = podOf(job.kind === "Job" ? job : recordOf(recordOf(job["spec"])["jobTemplate"]));
    const { namespace = "default" } = job.metadata;
    const { serviceAccountName = "default" } = pod;
    const asked = access.filter(
      ({ target, callers }) =>
        rollout.phases[target.namespace] === "require" &&
        callers.some(
          (caller) =>
            isWorkload(caller) &&
            caller.trustDomain === undefined &&
            caller.withoutAuthentication === undefined &&
            caller.namespace === namespace &&
            (caller.serviceAccount === "*" || caller.serviceAccount === serviceAccountName),
        ),
    );
    return asked.map(({ name, target }) =>
      inObject(
        job,
        "serviceAccountName",
        `is ${textOf(serviceAccountName)}, of whom ${target.namespace}/${name} asks authentication; its first connections fail`,
      ),
    );
  },
};
