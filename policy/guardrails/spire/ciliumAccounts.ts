import type { KubernetesObject } from "../../../core/util/kubernetes";
import { valueOf } from "../../rules/ciliumValues";
import type { Facts } from "../../facts/facts";
import { inObject, type Guardrail } from "../../rules/guardrail";
import { listOf, recordOf, textOf } from "../../rules/values";

export const ciliumAccounts: Guardrail = {
  name: "cilium-accounts",
  description: "The entries for Cilium's agent and operator are for the accounts that they run under.",
  severity: "mandatory",
  prevents:
    "No identity issued: SPIRE hands an entry to the processes that its selectors are about, and where Cilium runs in another namespace or under another account that is nobody (cilium files/spire/init.bash, cilium#45045).",
  remediation:
    "Write the selectors k8s:ns:<namespace of Cilium> and k8s:sa:<account>, as serviceAccounts in Cilium's values has it.",
  blocksOff: false,
  reads: isEntry,
  checkStack: (facts) =>
    facts.objects.filter(isEntry).flatMap((entry) => {
      const { spiffeID, selectors } = recordOf(entry["spec"]);
      const id = /\/cilium-(agent|operator)$/.exec(textOf(spiffeID))?.[1];
      const account = accounts.find(([name]) => name === id);
      if (!account) return [];
      const wanted = [
        `k8s:ns:${facts.config.cluster.cilium?.namespace ?? "kube-system"}`,
        `k8s:sa:${nameOf(facts, account)}`,
      ];
      return wanted
        .filter((selector) => !listOf(selectors).includes(selector))
        .map((selector) => inObject(entry, "spec.selectors", `lack ${selector}, under which Cilium runs; write it`));
    }),
};

/** The part of the SPIFFE ID, the key in `serviceAccounts`, and the chart's default name. */
const accounts = [
  ["agent", "cilium", "cilium"],
  ["operator", "operator", "cilium-operator"],
] as const;

function nameOf({ releases }: Facts, [, key, fallback]: (typeof accounts)[number]): string {
  const given = releases
    .map((release) => valueOf(release, `serviceAccounts.${key}.name`))
    .find((name) => name !== undefined);
  return given === undefined ? fallback : textOf(given);
}

function isEntry({ apiVersion, kind }: KubernetesObject): boolean {
  return apiVersion.startsWith("spire.spiffe.io/") && kind === "ClusterStaticEntry";
}
