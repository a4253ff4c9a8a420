import { few } from "../util/few";
import { sayOnce } from "../util/sayOnce";
import type { Change } from "./difference";

/** What a line names of a list. */
const most = 4;

const marks = { gained: "+", lost: "-", "must authenticate": "~", "need not authenticate": "~" } as const;

/** A change as columns of a table: a mark, who, an arrow, whom, what becomes of it and why. */
export function changeCells(change: Change): string[] {
  const { direction, to, port, operations = [] } = change;
  const where =
    port === undefined ? to : `${to}:${port} ${operations.length > 0 ? few(operations, most) : ""}`.trimEnd();
  return [
    marks[direction],
    fromText(change),
    "->",
    `${where}${podsText(change)}`,
    `${whatText(change)}: ${change.why.join("; ")}`,
  ];
}

/** Changes as rows of such columns. What becomes of whole namespaces is one row where only the namespace differs. */
export function changeRows(changes: readonly Change[]): string[][] {
  const said = changes.map((change) => ({
    namespace: change.from === "*" ? change.namespace : undefined,
    text: changeCells(change).join("\0"),
  }));
  return sayOnce(said).map((row) => row.split("\0"));
}

export function fromText({ from, direction, except = [], kind }: Change): string {
  if (from === "*") return /authenticate/.test(direction) ? "whoever is named" : "whoever is not named";
  const who = kind === "entity" || kind === "cidr" ? `${from} (not a workload)` : from;
  return except.length > 0 ? `${who} but ${few(except, most)}` : who;
}

/** What becomes of a caller's access. */
export function whatText({ direction, authenticated, beside, from }: Change): string {
  if (direction === "must authenticate") return "must authenticate now";
  if (direction === "need not authenticate") return "need not authenticate any more";
  if (from === "*") return direction === "gained" ? "gains access, as nobody is denied" : "loses access";
  const verb = direction === "gained" ? "gains access" : "loses access";
  const rest = beside ? ` (${direction === "gained" ? "had" : "keeps"} ${few(beside, most)})` : "";
  return `${verb}${authenticated ? ", authenticated" : ""}${rest}`;
}

/** The pods of a line where it is not about all that the intent's own selector selects. */
function podsText({ selector, without = [] }: Change): string {
  if (!selector || without.length === 0) return "";
  return ` (pods ${labelsText(selector)} but not ${few(without.map(labelsText), most)})`;
}

const labelsText = (labels: Readonly<Record<string, string>>) =>
  Object.entries(labels)
    .map(([key, value]) => `${key}=${value}`)
    .join(",");

/** `2 gained, 1 lost, 3 with another demand for authentication`, of lines. */
export function countText(changes: readonly Change[]): string {
  const of = (...directions: Change["direction"][]) =>
    changes.filter(({ direction }) => directions.includes(direction)).length;
  const [gained, lost, changed] = [of("gained"), of("lost"), of("must authenticate", "need not authenticate")];
  return [
    ...(gained > 0 ? [`${gained} gained`] : []),
    ...(lost > 0 ? [`${lost} lost`] : []),
    ...(changed > 0 ? [`${changed} with another demand for authentication`] : []),
  ].join(", ");
}
