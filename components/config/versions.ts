/**
 * What this program supports, as one table that the schema, the components and the guardrails read. Minor versions, oldest first.
 *
 * - Kubernetes 1.33 is the first that authorises `nodes/pods` on the kubelet by default (KEP-2862), which spares the SPIRE agent `nodes/proxy`.
 * - Cilium deprecates mutual authentication in 1.20 and plans to remove it in 1.21 (cilium#47132).
 */
export const supported = {
  kubernetes: ["1.33", "1.34", "1.35", "1.36"],
  cilium: ["1.18", "1.19", "1.20"],
  spire: ["1.13", "1.14", "1.15"],
} as const;

/** The version of SPIRE that is deployed unless the configuration names another. 1.15.2 loses new entries (spire#7198). */
export const defaultSpireVersion = "1.15.3";

/** The minor version, "1.19", of a version, "1.19.3" or "1.19". */
export function minorOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
