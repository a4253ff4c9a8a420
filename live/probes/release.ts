import { gunzipSync } from "node:zlib";
import * as z from "zod";
import { releaseNamespaceOf } from "../../components/cilium/values";
import type { StackConfig } from "../../core/schema/schema";
import { endedBy, itemsOf, kubeconfigAt, reasonOf } from "../client";

/** Helm's last record of Cilium's release; or why nobody knows it. */
export type LiveRelease =
  | {
      /** The values that it was given, beside the chart's own. */
      readonly values: Readonly<Record<string, unknown>>;
      /** The chart's version. */
      readonly chart: string;
      readonly revision: number;
      /** The HelmRelease of Flux's that upgrades it, `namespace/name`. */
      readonly flux?: string;
    }
  | { readonly because: string };

/** How long it may take, in milliseconds. */
const patience = 5_000;

/** A release of Cilium with its chart and manifest is about a megabyte. */
const mostBytes = 1 << 26;

/** As much of a record as is read (helm pkg/release/v1, Release). */
const record = z.object({
  version: z.int(),
  config: z.record(z.string(), z.unknown()).nullish(),
  chart: z.object({ metadata: z.object({ version: z.string() }) }),
  manifest: z.string().optional(),
});

/**
 * Reads which values Cilium's release has, from the Secret in which Helm keeps its record: helm itself, Flux and Cilium's CLI all do. Changes nothing; never throws.
 *
 * It takes `list` of `secrets` in the release's namespace, which whoever deploys by Helm has.
 *
 * @returns undefined where there is no release, and where this stack is not to have one
 */
export async function askRelease({ context, cilium }: StackConfig["cluster"]): Promise<LiveRelease | undefined> {
  if (cilium?.delivery !== "helm") return undefined;
  try {
    const kubeconfig = await kubeconfigAt(context);
    if (!kubeconfig) return { because: `no kubeconfig context ${context}` };
    const { CoreV1Api } = await import("@kubernetes/client-node");
    const labelSelector = "owner=helm,name=cilium,status notin (superseded,uninstalled)";
    const secrets = await itemsOf<{ readonly data?: { readonly release?: string } }>(
      kubeconfig
        .makeApiClient(CoreV1Api)
        .listNamespacedSecret(
          { namespace: releaseNamespaceOf(cilium), labelSelector },
          await endedBy(AbortSignal.timeout(patience)),
        ),
    );
    const releases = secrets.map(({ data }) => decoded(data?.release ?? ""));
    // A change that failed, or still goes on, may have left its values.
    const last = releases.sort((a, b) => a.version - b.version).at(-1);
    if (!last) return undefined;
    const flux = fluxOf(last.manifest ?? "");
    return {
      values: last.config ?? {},
      chart: last.chart.metadata.version,
      revision: last.version,
      ...(flux === undefined ? {} : { flux }),
    };
  } catch (error) {
    return { because: reasonOf(error) };
  }
}

/** JSON, compressed, in base64 (helm pkg/storage/driver, util.go), and that again in base64, as all of a Secret. @throws Error without what is in it */
function decoded(data: string): z.output<typeof record> {
  try {
    const bytes = Buffer.from(Buffer.from(data, "base64").toString(), "base64");
    return record.parse(JSON.parse(gunzipSync(bytes, { maxOutputLength: mostBytes }).toString()));
  } catch {
    throw new Error("Helm's record of it cannot be read");
  }
}

/** What Flux writes on each object of a release that it upgrades (fluxcd/helm-controller, internal/postrender). */
function fluxOf(manifest: string): string | undefined {
  const label = (key: string) =>
    new RegExp(`^ +"?helm\\.toolkit\\.fluxcd\\.io/${key}"?: "?([\\w.-]+)`, "m").exec(manifest)?.[1];
  const name = label("name");
  return name === undefined ? undefined : `${label("namespace") ?? ""}/${name}`;
}
