/**
 * Text that somebody else wrote, as Markdown that says it and does nothing else: a code span, in which neither Markdown nor HTML nor a mention, a link or a
 * command means anything. On one line, without what cannot be seen, and at most so many letters. (CommonMark 0.31, 6.1; of lone surrogates none is left.)
 *
 * @param most letters, of which the last is `…` where there were more
 */
export function code(text: string, most = 400): string {
  const seen = text
    .replace(/\p{Cs}/gu, "\uFFFD")
    .replace(/[\s\p{C}\p{Z}]+/gu, " ")
    .trim();
  const letters = [...seen];
  const shown = letters.length > most ? `${letters.slice(0, most - 1).join("")}…` : seen;
  if (shown === "") return "—";
  const longest = Math.max(0, ...(shown.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = "`".repeat(longest + 1);
  const pad = shown.startsWith("`") || shown.endsWith("`") ? " " : "";
  return `${fence}${pad}${shown}${pad}${fence}`;
}

/**
 * A table of Markdown. (GitHub Flavored Markdown, 4.10: a `|` ends a cell in a code span too, unless a `\` is before it; and two `\` are one, which is
 * no longer before anything, so that one of the text's is moved away.)
 *
 * @param rows of Markdown; as many as `most` are shown, and how many are not is said below
 */
export function tableOf(head: readonly string[], rows: readonly (readonly string[])[], most: number): string[] {
  if (rows.length === 0) return [];
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell) => cell.replace(/\\(?=\|)/g, "\\ ").replace(/\|/g, "\\|")).join(" | ")} |`;
  const left = rows.length - most;
  return [
    line(head),
    line(head.map(() => "---")),
    ...rows.slice(0, most).map(line),
    ...(left > 0 ? ["", `… and ${left} more.`] : []),
  ];
}

/** `1 object`, `2 objects`. */
export const counted = (count: number, what: string, more = `${what}s`): string =>
  `${count} ${count === 1 ? what : more}`;
