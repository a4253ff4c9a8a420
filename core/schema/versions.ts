/**
 * How far a minor version was tried: `rendered` what we write for it, `validated` that by its own programs (its API server, its chart, its `validate`
 * command), `run` those programs with it. docs/proof.md says by what.
 */
export type Evidence = "rendered" | "validated" | "run";

/**
 * What this program supports, as one table that the schema, the components, the guardrails and docs/versions.md read. Minor versions, oldest first.
 *
 * - Kubernetes 1.33 is the first that authorises `nodes/pods` on the kubelet by default (KEP-2862), which spares the SPIRE agent `nodes/proxy`.
 * - Cilium deprecates mutual authentication in 1.20 and plans to remove it in 1.21 (cilium#47132).
 * - SPIRE publishes its bundle by k8s_configmap since 1.12.4, and agents start again from it (`rebootstrap_mode`) since 1.13.
 */
export const evidence = {
  kubernetes: { "1.33": "rendered", "1.34": "rendered", "1.35": "rendered", "1.36": "run" },
  cilium: { "1.18": "validated", "1.19": "run", "1.20": "validated" },
  spire: { "1.13": "run", "1.14": "rendered", "1.15": "rendered" },
} as const satisfies Readonly<Record<string, Readonly<Record<string, Evidence>>>>;

const minorsOf = <T extends object>(versions: T) => Object.keys(versions) as (keyof T & string)[];

/** The minor versions alone. */
export const supported = {
  kubernetes: minorsOf(evidence.kubernetes),
  cilium: minorsOf(evidence.cilium),
  spire: minorsOf(evidence.spire),
};

/** The version of SPIRE that is deployed unless the configuration names another. 1.15.2 loses new entries (spire#7198). */
export const defaultSpireVersion = "1.15.3";

/** The minor version as a number, 19, of a version, "1.19.3" or "1.19". */
export const minorNumberOf = (version: string): number => Number(version.split(".")[1]);

/** The minor version, "1.19", of a version, "1.19.3" or "1.19". */
export function minorOf(version: string): string {
  return version.split(".").slice(0, 2).join(".");
}
