import type { KubernetesObject } from "../components/kubernetes";
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
  const specs: [string, unknown][] = [["spec", manifest["spec"]]];
  listOf(manifest["specs"]).forEach((spec, i) => specs.push([`specs[${i}]`, spec]));
  return specs.flatMap(([where, spec]) =>
    (["ingress", "egress"] as const).flatMap((direction) =>
      listOf(recordOf(spec)[direction]).map((rule, i) => ({
        where: `${where}.${direction}[${i}]`,
        direction,
        rule: recordOf(rule),
        spec: recordOf(spec),
      })),
    ),
  );
}

/** The authentication mode that a rule asks for: `required`, `disabled`, `test-always-fail`, or none. */
export function authenticationMode({ rule }: CiliumRule): string | undefined {
  const { mode } = recordOf(rule["authentication"]);
  return typeof mode === "string" ? mode : undefined;
}
