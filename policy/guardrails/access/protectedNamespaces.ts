import { type StackConfig, isClosed } from "../../../core/schema/schema";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import { demandingRules, isCiliumPolicy, namespaceOf, type CiliumRule } from "../../rules/ciliumPolicy";
import type { Facts } from "../../facts/facts";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";

export const protectedNamespaces: Guardrail = {
  name: "protected-namespaces",
  description: "Nothing that authentication itself, DNS, storage or GitOps needs is made to depend on authentication.",
  severity: "mandatory",
  prevents:
    "A cluster that locks itself out: SPIRE, DNS, storage or GitOps behind authentication cannot come back when SPIRE is down (cilium#46392, cilium#24552; DNS down within two hours at devantler-tech/platform#1788).",
  remediation: "Leave the namespace at observe: pulumi config set --path 'rollout.phases.<namespace>' observe",
  blocksOff: false,
  reads: isCiliumPolicy,
  checkObject: (manifest, facts) => demandingRules(manifest).flatMap((rule) => violation(manifest, rule, facts)),
  checkStack: ({ config }) =>
    Object.entries(config.rollout.phases).flatMap(([namespace, phase]) => {
      const reason = reasonToProtect(namespace, config);
      const where = `zero-trust:rollout.phases.${namespace}`;
      if (reason === undefined || !isClosed(phase)) return [];
      if (phase === "require")
        return [{ where, namespace, message: `is require, but ${namespace} ${reason}; write observe` }];
      const message = `is allow, which denies every caller that no intent names, and ${namespace} ${reason}; write observe`;
      return [{ where, namespace, message, severity: "advisory" }];
    }),
};

function violation(manifest: KubernetesObject, { where, spec }: CiliumRule, { config }: Facts): Violation[] {
  const selected = namespaceOf(manifest, spec);
  if (selected === undefined)
    return [
      inObject(
        manifest,
        where,
        "demands authentication in every namespace, kube-system among them; select one namespace by the label io.kubernetes.pod.namespace",
      ),
    ];
  const reason = reasonToProtect(selected, config);
  return reason === undefined
    ? []
    : [inObject(manifest, where, `demands authentication, but ${selected} ${reason}; remove the authentication block`)];
}

/** Why a namespace may not go beyond `allow`; undefined when it may. */
function reasonToProtect(namespace: string, { cluster: { cilium } }: StackConfig): string | undefined {
  if (namespace === cilium?.namespace) return "runs Cilium itself";
  if (cilium?.releaseNamespace === namespace) return "holds Cilium's release";
  return table.find(([names]) => names.test(namespace))?.[1];
}

/** Namespaces by the names that their projects install them under. */
const table: readonly (readonly [names: RegExp, reason: string])[] = [
  [/^kube-(system|public|node-lease)$/, "belongs to Kubernetes and has the cluster's DNS"],
  [/^(spire|spire-.*|cilium-spire)$/, "runs SPIRE, on which authentication depends"],
  [/^(cilium|cilium-.*)$/, "runs Cilium"],
  [/^(flux-system|argocd|argo-cd|fleet-system|cattle-.*)$/, "runs GitOps, which brings the repair"],
  [
    /^(rook-ceph.*|longhorn-system|openebs.*|.*-csi|csi-.*|democratic-csi|linstor.*|piraeus.*|topolvm-system)$/,
    "runs storage, on which SPIRE's datastore depends",
  ],
  [/^(cert-manager|external-secrets|external-dns|metallb-system)$/, "runs what other controllers need to start"],
  [/^(ingress-nginx|traefik|envoy-gateway-system|istio-.*|linkerd.*)$/, "receives callers that have no identity"],
  [/^(monitoring|observability|prometheus.*)$/, "holds the alarms that would tell of the failure"],
];
