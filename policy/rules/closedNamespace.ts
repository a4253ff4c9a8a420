import { isClosed } from "../../core/schema/schema";
import { groupBy } from "../../core/util/groupBy";
import { phaseChanges } from "../../core/rollout/phases";
import { ciliumSpecs, isCiliumPolicy, namespaceOf, type CiliumRule } from "./ciliumPolicy";
import type { Facts } from "../facts/facts";
import { listOf, recordOf } from "./values";

type Spec = CiliumRule["spec"];

/** The namespaces that Cilium has closed once this update is done, in allow or in require, and the specifications that select pods in each. */
export function closedNamespacesOf({ config, previous, objects }: Facts): { namespace: string; specs: Spec[] }[] {
  if (config.mesh) return [];
  const closed = phaseChanges(config, previous === "unknown" ? {} : previous).filter(({ to }) => isClosed(to));
  if (closed.length === 0) return [];
  const all = objects
    .filter(isCiliumPolicy)
    .flatMap((policy) => ciliumSpecs(policy).map(({ spec }) => ({ spec, namespace: namespaceOf(policy, spec) })));
  const byNamespace = groupBy(all, ({ namespace }) => namespace);
  const everywhere = byNamespace.get(undefined) ?? [];
  return closed.map(({ namespace }) => ({
    namespace,
    specs: [...(byNamespace.get(namespace) ?? []), ...everywhere].map(({ spec }) => spec),
  }));
}

/** Whether a specification denies every pod's callers by default: it selects all pods, has a rule for ingress, and does not waive the default. */
export function closes(spec: Spec): boolean {
  const { endpointSelector, enableDefaultDeny } = spec;
  const { matchLabels, matchExpressions } = recordOf(endpointSelector);
  const others = Object.keys(recordOf(matchLabels)).filter(
    (key) => !/^(k8s:)?io\.kubernetes\.pod\.namespace$/.test(key),
  );
  return (
    endpointSelector !== undefined &&
    others.length === 0 &&
    listOf(matchExpressions).length === 0 &&
    recordOf(enableDefaultDeny)["ingress"] !== false &&
    [...listOf(spec["ingress"]), ...listOf(spec["ingressDeny"])].length > 0
  );
}

/** Whether a specification lets anybody in. An empty rule admits nobody. */
export const admits = (spec: Spec): boolean =>
  listOf(spec["ingress"]).some((rule) => Object.keys(recordOf(rule)).length > 0);
