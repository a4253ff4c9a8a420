import type { KubernetesObject } from "../../core/util/kubernetes";
import { listOf, recordOf } from "./values";

/** A SPIRE server's or agent's configuration as a ConfigMap holds it, in JSON. */
export interface SpireConfiguration {
  /** The key in the ConfigMap's data. */
  readonly file: string;
  /** The section `server`, or the section `agent`. */
  readonly main: Readonly<Record<string, unknown>>;
  /** The names of the plugins of one type. */
  readonly names: (type: string) => readonly string[];
  /** The plugins of one type that are programs of their own: whether SPIRE is told which program it may start. */
  readonly external: (type: string) => readonly { readonly name: string; readonly pinned: boolean }[];
  /** The data of one plugin, empty where it is not configured. */
  readonly plugin: (type: string, name: string) => Readonly<Record<string, unknown>>;
}

/** The configuration in an object; undefined for any object that has none. */
export function spireConfigurationOf(
  manifest: KubernetesObject,
  of: "server" | "agent",
): SpireConfiguration | undefined {
  if (manifest.kind !== "ConfigMap") return undefined;
  for (const [file, content] of Object.entries(recordOf(manifest["data"]))) {
    const { [of]: main, plugins } = recordOf(parse(content));
    if (main === undefined || plugins === undefined) continue;
    const all = (type: string) => listOf(recordOf(plugins)[type]).map(recordOf);
    const names = (type: string) => all(type).flatMap(Object.keys);
    const external = (type: string) =>
      all(type)
        .flatMap(Object.entries)
        .map(([name, settings]) => ({ name, settings: recordOf(settings) }))
        .filter(({ settings }) => settings["plugin_cmd"] !== undefined)
        .map(({ name, settings }) => ({ name, pinned: settings["plugin_checksum"] !== undefined }));
    const plugin = (type: string, name: string) =>
      recordOf(
        all(type)
          .map((entry) => recordOf(entry[name])["plugin_data"])
          .find((data) => data !== undefined),
      );
    return { file, main: recordOf(main), names, external, plugin };
  }
  return undefined;
}

/** Whether the server takes what such an agent shows only once, ever (spire doc/plugin_server_nodeattestor_aws_iid.md, _gcp_iit.md). */
export const attestsOnce = ({ names }: SpireConfiguration): boolean =>
  names("NodeAttestor").some((name) => name === "aws_iid" || name === "gcp_iit");

/** Whether an object may be part of a SPIRE: by its kind, by its namespace, or by what it says. */
export function mayBeSpire(manifest: KubernetesObject): boolean {
  if (manifest.apiVersion.startsWith("spire.spiffe.io/")) return true;
  const { namespace = "", name } = manifest.metadata;
  const place = manifest.kind === "Namespace" ? name : namespace;
  return /(^|-)spire(-|$)/.test(place) || /spire-(server|agent)|spiffe-csi-driver/.test(JSON.stringify(manifest));
}

function parse(content: unknown): unknown {
  try {
    return typeof content === "string" && content.trimStart().startsWith("{") ? JSON.parse(content) : undefined;
  } catch {
    return undefined;
  }
}
