import { entryOf, shadowsOf, type HelmRelease, valuesConfigMap } from "../core/schema/helmRelease";
import type { Flux } from "../live/probes/flux";
import type { Known } from "./known";

const configMap = `the ConfigMap ${valuesConfigMap.name}`;
const entry = `{ kind: ConfigMap, name: ${valuesConfigMap.name}, optional: true }`;

/**
 * What would keep the flag from moving anything, or be written by two. What a HelmRelease has in Git wins over what this program writes, silently, and what Flux applies
 * it puts back at every interval.
 *
 * @param turnsOff whether authentication goes off: then nothing stops it, and all is said
 */
export function ofFlux(flux: Flux | undefined, turnsOff: boolean): Pick<Known, "errors" | "notes"> {
  if (flux === undefined) return { errors: [], notes: [] };
  if ("because" in flux)
    return { errors: [], notes: [`Nobody could say what Cilium's HelmRelease reads (${flux.because})`] };
  const { releases, applied } = flux;
  const faults = [
    ...releases.flatMap(faultsOf),
    ...(applied.length > 0
      ? [
          `Flux applies what this stack owns, and both write it in turn: ${applied.join(", ")}. Take it out of Git, annotated there with kustomize.toolkit.fluxcd.io/prune: disabled first, or leave it to Flux alone (docs/gitops.md).`,
        ]
      : []),
  ];
  const notes = [
    ...(releases.length === 0 ? [`There is no HelmRelease of Cilium that would read ${configMap}`] : []),
    ...releases.flatMap(notesOf),
  ];
  return turnsOff ? { errors: [], notes: [...faults, ...notes] } : { errors: faults, notes };
}

const nameOf = ({ metadata }: HelmRelease) => `HelmRelease ${metadata?.namespace ?? ""}/${metadata?.name ?? ""}`;

function faultsOf(release: HelmRelease): string[] {
  const unread = `${nameOf(release)} does not read ${configMap}; add to its spec.valuesFrom: ${entry}`;
  return [
    ...(entryOf(release) ? [] : [unread]),
    ...shadowsOf(release.spec).map(({ field, message }) => `${nameOf(release)} ${field} ${message}`),
  ];
}

function notesOf(release: HelmRelease): string[] {
  const name = release.metadata?.name ?? "";
  const namespace = release.metadata?.namespace ?? "";
  const later = entryOf(release)?.later ?? 0;
  return [
    ...(release.spec?.suspend === true
      ? [
          `${nameOf(release)} is suspended, so Cilium stays as it is until: flux resume helmrelease ${name} --namespace ${namespace}`,
        ]
      : []),
    ...(later > 0
      ? [`${nameOf(release)} reads others after ${configMap}, whose values win; make it the last of spec.valuesFrom`]
      : []),
  ];
}
