import { nameOf, verdicts, type Evidence, type Line } from "../../core/rollout/evidence";
import type { Watch } from "../../verify/watch";
import { table } from "../lib/table";

/** What was seen of a namespace, for a terminal: who called what, and what require makes of it. */
export function callersView(
  { namespace, callers, nodes, lost, policies, window }: Evidence,
  gathered: boolean,
): string {
  const counts = verdicts.map((verdict) => `${callers.filter((line) => line.verdict === verdict).length} ${verdict}`);
  return [
    gathered
      ? `${namespace}  ${duration(window.seen)} of ${duration(window.wanted)} seen, ${window.interruptions.length} interruptions, ${lost.events} events lost`
      : `${namespace}  what Hubble still remembers, ${lost.events} events lost`,
    `  nodes heard: ${nodes.heard.join(", ") || "none"}${nodes.missing.length > 0 ? `; not heard: ${nodes.missing.join(", ")}` : ""}`,
    "",
    callers.length === 0
      ? "  Nobody was seen to call."
      : `  In require, of ${callers.length} callers: ${counts.join(", ")}`,
    ...table(callers.map(row)).map((line) => `    ${line}`),
    ...policies.map((policy) => `  ${policy} counts beside the intents`),
  ].join("\n");
}

const row = (line: Line) => [
  line.verdict,
  `${nameOf(line.from)}${line.addresses === undefined ? "" : ` (${line.addresses} addresses)`}`,
  "->",
  `${Object.entries(line.to)
    .map(([key, value]) => `${key}=${value}`)
    .join(",")}:${line.port}${line.protocol === "TCP" ? "" : `/${line.protocol}`}`,
  `${line.flows} flows`,
  `${line.open} open`,
  line.because.join(", "),
];

/**
 * One line about how far it is.
 *
 * @param window its length, and what of it was seen before, in seconds; undefined where there is none
 */
export function progressOf(
  watch: Watch,
  window: { readonly wanted: number; readonly before: number } | undefined,
): string {
  const { coverage, flows, lost, tally } = watch;
  const seen = window
    ? [`${duration(window.before + coverage.seconds(watch.now()))} of ${duration(window.wanted)}`]
    : [];
  const silent = coverage.silent === undefined ? "" : `; waiting: ${coverage.silent}`;
  return [...seen, `${flows} flows`, `${tally.size} callers`, `${lost} events lost${silent}`].join(", ");
}

/** `1 h 30 min`, `45 s` */
function duration(seconds: number): string {
  const parts = [
    [Math.floor(seconds / 3600), "h"],
    [Math.floor(seconds / 60) % 60, "min"],
    [seconds % 60, "s"],
  ] as const;
  return parts.flatMap(([number, unit]) => (number > 0 ? [`${number} ${unit}`] : [])).join(" ") || "0 s";
}
