import fc from "fast-check";
import MarkdownIt from "markdown-it";
import { describe, expect, test } from "vitest";
import { code, tableOf } from "../../../cli/comment/text";

const markdown = new MarkdownIt({ html: true, linkify: true });
/** What is in the code spans of a line or a table, and whatever else of a meaning is beside them. */
function meaningOf(text: string) {
  const tokens = markdown.parse(text, {}).flatMap((token) => [token, ...(token.children ?? [])]);
  const spans = tokens.filter(({ type }) => type === "code_inline").map(({ content }) => content);
  const allowed = /^(paragraph_|inline$|code_inline$|text$|table_|thead_|tbody_|t[rhd]_)/;
  return { spans, others: tokens.map(({ type }) => type).filter((type) => !allowed.test(type)) };
}
/** Text with what has a meaning somewhere. */
const parts = ["`", "``", "|", "\\", "@team", "<!--", "-->", "<b>", "[a](b)", "https://x.y", "*", "#1", "\n", "&amp;"];
const hostile = fc
  .array(fc.oneof(fc.constantFrom(...parts), fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 12 })
  .map((some) => some.join(""));
const seen = (text: string) =>
  text
    .replace(/\p{Cs}/gu, "\uFFFD")
    .replace(/[\s\p{C}\p{Z}]+/gu, " ")
    .trim();

describe("text of others in a comment", () => {
  test("is one code span and nothing else, whatever it is", () => {
    fc.assert(
      fc.property(hostile, (text) => {
        expect(meaningOf(code(text, 1000))).toEqual({
          spans: seen(text) === "" ? [] : [seen(text)],
          others: [],
        });
      }),
      { numRuns: 400 },
    );
  });

  test("is one cell of a table, whatever it is", () => {
    fc.assert(
      fc.property(hostile, hostile, (first, second) => {
        const { spans, others } = meaningOf(tableOf(["a", "b"], [[code(first), code(second)]], 9).join("\n"));
        expect(others).toEqual([]);
        const wanted = [first, second].map(seen).filter((text) => text !== "");
        expect(spans).toEqual(wanted.map((text) => text.replace(/\\(?=\|)/g, "\\ ")));
      }),
      { numRuns: 400 },
    );
  });

  test("is cut where it is long, between letters", () => {
    expect(code("😀😀😀", 2)).toBe("`😀…`");
  });

  test("says how many rows of a table are left out", () => {
    const rows = [["1"], ["2"], ["3"]];
    expect(tableOf(["n"], rows, 1).slice(-2)).toEqual(["", "… and 2 more."]);
    expect(tableOf(["n"], rows, 3)).toHaveLength(5);
  });
});
