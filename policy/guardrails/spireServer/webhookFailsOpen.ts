import { inObject, type Guardrail } from "../../rules/guardrail";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import { listOf, recordOf } from "../../rules/values";

export const webhookFailsOpen: Guardrail = {
  name: "webhook-fails-open",
  description: "No webhook of SPIRE's stops a change while SPIRE is down.",
  severity: "mandatory",
  prevents:
    "A repair that is refused: the webhook for SPIRE's kinds answers from the server's pod, and with failurePolicy Fail nobody can change an entry while that pod is away, or create the first before it is there (spire-controller-manager#389, spire-controller-manager#450).",
  remediation: "Write failurePolicy Ignore, or run the controller-manager with ENABLE_WEBHOOKS=false.",
  blocksOff: false,
  reads: isForSpire,
  checkObject: (configuration) =>
    listOf(configuration["webhooks"])
      .map(recordOf)
      .flatMap((webhook, i) => {
        const { failurePolicy = "Fail", matchConditions } = webhook;
        // A namespaceSelector leaves nothing out here: SPIRE's kinds are of the cluster.
        if (!isAboutSpire(webhook) || failurePolicy !== "Fail" || listOf(matchConditions).length > 0) return [];
        return [inObject(configuration, `webhooks[${i}].failurePolicy`, "is Fail; write Ignore")];
      }),
};

function isForSpire({ kind, webhooks }: KubernetesObject): boolean {
  const isWebhook = kind === "ValidatingWebhookConfiguration" || kind === "MutatingWebhookConfiguration";
  return isWebhook && listOf(webhooks).map(recordOf).some(isAboutSpire);
}

const isAboutSpire = ({ rules }: Readonly<Record<string, unknown>>) =>
  listOf(rules).some((rule) => listOf(recordOf(rule)["apiGroups"]).includes("spire.spiffe.io"));
