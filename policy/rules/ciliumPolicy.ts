import { type KubernetesObject, isOwn } from "../../core/util/kubernetes";
import { listOf, recordOf } from "./values";

/** One rule of a Cilium policy, and where it stands: `spec.ingress[0]`, `specs[1].egress[0]`. */
export interface CiliumRule {
  readonly where: string;
  readonly direction: "ingress" | "egress";
  readonly rule: Readonly<Record<string, unknown>>;
  /** The specification that it belongs to. */
  readonly spec: Readonly<Record<string, unknown>>;
}

/** Whether an object is a Cilium policy: namespaced or cluster-wide. */
export function isCiliumPolicy({ apiVersion, kind }: KubernetesObject): boolean {
  return apiVersion.startsWith("cilium.io/") && /^Cilium(Clusterwide)?NetworkPolicy$/.test(kind);
}

/** The allow rules of a Cilium policy, from `spec` and from `specs`, as Cilium reads both. */
export function ciliumRules(manifest: KubernetesObject): CiliumRule[] {
  return ciliumSpecs(manifest).flatMap(({ where, spec }) =>
    (["ingress", "egress"] as const).flatMap((direction) =>
      listOf(spec[direction]).map((rule, i) => ({
        where: `${where}.${direction}[${i}]`,
        direction,
        rule: recordOf(rule),
        spec,
      })),
    ),
  );
}

/** The authentication mode that a rule asks for: `required`, `disabled`, `test-always-fail`, or none. */
export function authenticationMode({ rule }: CiliumRule): string | undefined {
  const { mode } = recordOf(rule["authentication"]);
  return typeof mode === "string" ? mode : undefined;
}

/** The rules of a Cilium policy that demand authentication. */
export const demandingRules = (manifest: KubernetesObject): CiliumRule[] =>
  ciliumRules(manifest).filter((rule) => authenticationMode(rule) === "required");

/** The one namespace whose pods a specification selects; undefined where they may be anywhere. */
export function namespaceOf(manifest: KubernetesObject, spec: CiliumRule["spec"]): string | undefined {
  if (manifest.kind !== "CiliumClusterwideNetworkPolicy") return manifest.metadata.namespace ?? "default";
  const labels = recordOf(recordOf(spec["endpointSelector"])["matchLabels"]);
  const selected = Object.entries(labels).find(([key]) => /^(k8s:)?io\.kubernetes\.pod\.namespace$/.test(key))?.[1];
  return typeof selected === "string" ? selected : undefined;
}

/** The specifications of a Cilium policy, and where each stands. */
export function ciliumSpecs(manifest: KubernetesObject): { where: string; spec: CiliumRule["spec"] }[] {
  const several = listOf(manifest["specs"]).map((spec, i) => ({ where: `specs[${i}]`, spec: recordOf(spec) }));
  return manifest["spec"] === undefined ? several : [{ where: "spec", spec: recordOf(manifest["spec"]) }, ...several];
}

/** The ports that a rule names. */
export const portsOf = (rule: CiliumRule["rule"]): Readonly<Record<string, unknown>>[] =>
  listOf(rule["toPorts"]).flatMap((entry) => listOf(recordOf(entry)["ports"]).map(recordOf));

/** Whether this program made an object: everything of its own is labelled so. */
export const isOurs = ({ metadata }: KubernetesObject): boolean => isOwn(recordOf(metadata.labels));
