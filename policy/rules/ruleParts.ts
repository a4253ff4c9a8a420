import type { KubernetesObject } from "../../core/util/kubernetes";
import { peerFields } from "./ciliumPeers";
import { ciliumRules, isCiliumPolicy, portsOf, type CiliumRule } from "./ciliumPolicy";
import { listOf, recordOf, textOf } from "./values";

/** One rule of a policy, for one of its peers and one of its ports: what Cilium merges with the same of other rules and policies (pkg/policy/rule.go). */
export interface RulePart {
  readonly manifest: KubernetesObject;
  readonly rule: CiliumRule;
  /** The labels that select the pods whose policy it is, with their namespace. */
  readonly subject: Readonly<Record<string, string>>;
  /** The same for the same direction, peer and port. */
  readonly key: string;
}

/** The parts of the rules of all policies. A rule without peers or ports has one part for all of them. */
export function partsOfRules(objects: readonly KubernetesObject[], wanted: (rule: CiliumRule) => boolean): RulePart[] {
  return objects.filter(isCiliumPolicy).flatMap((manifest) =>
    ciliumRules(manifest)
      .filter(wanted)
      .flatMap((rule) => {
        const subject = subjectOf(manifest, rule);
        const peers = peerFields(rule).flatMap(([field, list]) =>
          list.map((peer) => `${field} ${canonical(field.endsWith("Endpoints") ? within(manifest, peer) : peer)}`),
        );
        const ports = portsOf(rule.rule).map(portKey);
        return orAll(peers).flatMap((peer) =>
          orAll(ports).map((port) => ({ manifest, rule, subject, key: [rule.direction, peer, port].join(" ") })),
        );
      }),
  );
}

/** Whether a pod may exist that both select. */
export function mayOverlap(a: RulePart["subject"], b: RulePart["subject"]): boolean {
  return Object.keys(a).every((key) => !Object.hasOwn(b, key) || a[key] === b[key]);
}

/** The same for two objects that differ in the order of their keys alone, and in the source that Cilium puts before a label. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join()}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value) ?? "";
  const entries = Object.entries(value).map(([key, item]) => [key.replace(/^(k8s|any):/, ""), canonical(item)]);
  return `{${entries
    .sort(([a = ""], [b = ""]) => (a < b ? -1 : 1))
    .map((entry) => entry.join(":"))
    .join()}}`;
}

const namespaceLabel = "io.kubernetes.pod.namespace";

/** A selector as Cilium completes it: in a namespaced policy it selects pods of that namespace, unless it says of which. */
function within({ metadata: { namespace } }: KubernetesObject, selector: unknown): unknown {
  if (namespace === undefined || canonical(selector).includes("io.kubernetes.pod.namespace")) return selector;
  const { matchLabels, ...rest } = recordOf(selector);
  return { ...rest, matchLabels: { ...recordOf(matchLabels), [namespaceLabel]: namespace } };
}

function subjectOf(manifest: KubernetesObject, { spec }: CiliumRule): RulePart["subject"] {
  const { matchLabels, matchExpressions } = recordOf(
    within(manifest, spec["endpointSelector"] ?? spec["nodeSelector"]),
  );
  // Of what may have any of several values nothing is known.
  const single = listOf(matchExpressions)
    .map(recordOf)
    .filter(({ operator, values }) => operator === "In" && listOf(values).length === 1)
    .map(({ key, values }) => [key, listOf(values)[0]]);
  const labels = [...Object.entries(recordOf(matchLabels)), ...single];
  return Object.fromEntries(labels.map(([key, value]) => [textOf(key).replace(/^(k8s|any):/, ""), textOf(value)]));
}

const portKey = ({ port, endPort, protocol = "ANY" }: Readonly<Record<string, unknown>>) =>
  [port, ...(endPort === undefined ? [] : [endPort]), protocol].map(textOf).join("/");

const orAll = (list: readonly string[]) => (list.length === 0 ? ["*"] : list);
