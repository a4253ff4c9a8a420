import { mismatch, type Guardrail } from "../../rules/guardrail";

export const pinnedCluster: Guardrail = {
  name: "pinned-cluster",
  description: "Every object goes through a provider that names its cluster.",
  severity: "mandatory",
  prevents:
    "A stack that lands on the other cluster: a default provider follows the kubeconfig's current context, whatever that is today (pulumi-kubernetes docs, Provider; pulumi:disable-default-providers).",
  remediation:
    "Register objects under the component's own provider, with context and clusterIdentifier from zero-trust:cluster, and keep pulumi:disable-default-providers: [kubernetes].",
  // On the wrong cluster the way off would be a second outage.
  blocksOff: true,
  checkStack: ({ config: { cluster }, providers }) =>
    providers.flatMap(({ name, context, identity }) =>
      name.startsWith("default")
        ? [{ where: `Provider ${name}`, message: "is a default provider; give the resource the stack's own" }]
        : [
            ...mismatch(`Provider ${name} context`, context, cluster.context),
            ...mismatch(`Provider ${name} clusterIdentifier`, identity, cluster.identity),
          ],
    ),
};
