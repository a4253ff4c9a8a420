import type { KubernetesObject } from "../components/kubernetes";
import { recordOf } from "./values";

/** A SPIRE server's configuration as a ConfigMap holds it, in JSON; undefined for any other object. */
export function serverConfigurationOf({
  kind,
  ...manifest
}: KubernetesObject): { file: string; server: Readonly<Record<string, unknown>>; plugins: unknown } | undefined {
  if (kind !== "ConfigMap") return undefined;
  for (const [file, content] of Object.entries(recordOf(manifest["data"]))) {
    const { server, plugins } = recordOf(parse(content));
    if (server !== undefined && plugins !== undefined) return { file, server: recordOf(server), plugins };
  }
  return undefined;
}

/** Whether an object may be part of a SPIRE: by its namespace, or by what it says. */
export function mayBeSpire(manifest: KubernetesObject): boolean {
  return (
    /(^|-)spire(-|$)/.test(manifest.metadata.namespace ?? "") || /spire-(server|agent)/.test(JSON.stringify(manifest))
  );
}

function parse(content: unknown): unknown {
  try {
    return typeof content === "string" && content.trimStart().startsWith("{") ? JSON.parse(content) : undefined;
  } catch {
    return undefined;
  }
}

const units: Readonly<Record<string, number>> = { h: 3600, m: 60, s: 1, ms: 0.001 };

/** A Go duration in seconds: "168h", "1h30m". Undefined for what is none. */
export function seconds(duration: unknown): number | undefined {
  if (typeof duration !== "string" || !/^(\d+(\.\d+)?(h|ms|m|s))+$/.test(duration)) return undefined;
  return [...duration.matchAll(/(\d+(?:\.\d+)?)(h|ms|m|s)/g)].reduce(
    (sum, [, amount, unit]) => sum + Number(amount) * (units[unit ?? ""] ?? 0),
    0,
  );
}
