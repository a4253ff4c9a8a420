import { isDeepStrictEqual } from "node:util";
import { instead } from "../core/util/nulls";
import { formatPath } from "../core/util/path";
import { isObject, ownField } from "../core/util/objects";
import { isOwnValue } from "../core/schema/helmRelease";
import type { LiveRelease } from "../live/probes/release";
import type { Known } from "./known";

/** What becomes of one of a release's values where it is upgraded with others. */
export interface ValueChange {
  readonly change: "dropped" | "changed" | "added";
  /** As `hubble.relay.enabled`. */
  readonly path: string;
  readonly from?: unknown;
  readonly to?: unknown;
}

/**
 * What is dropped, changed and added where a release is upgraded with other values, as helm has them: objects are taken together, everything else, a list too, is one value.
 *
 * @param live the values that the release was given
 * @param wanted those that it would be given
 * @returns in the order of the paths
 */
export function valueChanges(live: Readonly<Record<string, unknown>>, wanted: Readonly<Record<string, unknown>>) {
  return compare(live, wanted, []).sort((a, b) => (a.path < b.path ? -1 : 1));
}

function compare(live: unknown, wanted: unknown, path: readonly string[]): ValueChange[] {
  if (isObject(live) && isObject(wanted))
    return [...new Set([...Object.keys(live), ...Object.keys(wanted)])].flatMap((key) =>
      compare(ownField(live, key), ownField(wanted, key), [...path, key]),
    );
  // Of an object beside nothing each value counts; an empty one sets nothing.
  if (isObject(live) && wanted === undefined) return compare(live, {}, path);
  if (live === undefined && isObject(wanted)) return compare({}, wanted, path);
  if (isDeepStrictEqual(live, wanted)) return [];
  const place = { path: formatPath(path) };
  if (wanted === undefined) return [{ ...place, change: "dropped", from: live }];
  if (live === undefined) return [{ ...place, change: "added", to: wanted }];
  return [{ ...place, change: "changed", from: live, to: wanted }];
}

/** How many values are shown. */
const shown = 20;

/**
 * What of a release that this stack has never delivered its values would take away: all that somebody else has set, and the stack's own file does not have. That stops the update
 * before anything is written. What this program sets itself is only said.
 *
 * @param release undefined where there is none, or it is this stack's already
 * @param given what it would be given, and whence
 * @param turnsOff whether the update may turn authentication off, which nothing stops
 */
export function ofAdoption(
  release: LiveRelease | undefined,
  given: { readonly name: string; readonly values: object; readonly chart: string; readonly file: string },
  turnsOff: boolean,
): Pick<Known, "errors" | "notes"> {
  if (release === undefined) return { errors: [], notes: [] };
  const what = `Helm release ${given.name}`;
  if ("because" in release)
    return {
      errors: [],
      notes: [
        `Nobody could say which values the ${what} has (${release.because}): compare helm get values with ${given.file} before an update takes it over`,
      ],
    };
  const changes = valueChanges(release.values, given.values as Readonly<Record<string, unknown>>);
  const ours = changes.filter(({ path }) => isOwnValue(path));
  const lost = changes.filter(({ path, change }) => change !== "added" && !isOwnValue(path));
  const added = changes.filter(({ path, change }) => change === "added" && !isOwnValue(path));
  const [namespace = ""] = given.name.split("/");
  const errors = [
    ...(release.flux === undefined
      ? []
      : [
          `The ${what} is upgraded by Flux's HelmRelease ${release.flux}, which would put its own values back in turn: write cluster.cilium.delivery: flux, or take the release from Flux first (docs/operating.md)`,
        ]),
    ...(lost.length === 0
      ? []
      : [
          [
            `The ${what} has values that are not this stack's, and ${lost.length} of them would be lost:`,
            ...rows(lost),
            ...(lost.some(({ from }) => from === null) ? [`  Each null ${instead} (cluster.cilium.chart)`] : []),
            `  Write what is to stay into ${given.file}, as helm get values cilium --namespace ${namespace} --output yaml has it, or take it out of the release first (docs/operating.md)`,
          ].join("\n"),
        ]),
  ];
  const notes = [
    `The ${what} (revision ${release.revision}) is there, and no update of this stack has delivered it: where it was not imported, an update ends with "cannot re-use a name" (docs/operating.md)`,
    ...(release.chart === given.chart ? [] : [`The ${what} goes from the chart ${release.chart} to ${given.chart}`]),
    ...(ours.length === 0 ? [] : [[`The ${what} gets from this program:`, ...rows(ours)].join("\n")]),
    ...(added.length === 0 ? [] : [[`The ${what} gets from ${given.file}:`, ...rows(added)].join("\n")]),
  ];
  return turnsOff ? { errors: [], notes: [...errors, ...notes] } : { errors, notes };
}

function rows(changes: readonly ValueChange[]): string[] {
  const first = changes.slice(0, shown);
  const width = Math.max(...first.map(({ path }) => path.length));
  return [
    ...first.map(({ change, path, from, to }) => {
      const values = [from, to].filter((value) => value !== undefined).map(shownValue);
      return `  ${change.padEnd(7)}  ${path.padEnd(width)}  ${values.join(" -> ")}`.trimEnd();
    }),
    ...(changes.length > shown ? [`  and ${changes.length - shown} more`] : []),
  ];
}

/** Charts have secrets among their texts, so that none is shown. */
function shownValue(value: unknown): string {
  if (typeof value === "boolean" || typeof value === "number" || value === null) return String(value);
  return Array.isArray(value) ? "a list" : typeof value === "string" ? "a text" : "an object";
}
