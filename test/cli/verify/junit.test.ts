import fc from "fast-check";
import { expect, test } from "vitest";
import { junitOf } from "../../../cli/verify/junit";
import type { Finding } from "../../../verify/health/finding";
import { verdicts } from "../../../verify/health/finding";
import { healthy } from "../../verify/health/healthy";

/** An element of what junitOf writes, read by the rules of XML 1.0: whatever they do not allow is an error. */
interface Element {
  readonly tag: string;
  readonly attributes: Readonly<Record<string, string>>;
  readonly children: Element[];
  text: string;
}

const names: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
function unescaped(text: string): string {
  if (/[<"']|&(?!(amp|lt|gt|quot|apos|#\d+);)/.test(text)) throw new Error(`not escaped: ${text}`);
  return text.replace(/&(#?\w+);/g, (_, name: string) =>
    name.startsWith("#") ? String.fromCodePoint(Number(name.slice(1))) : (names[name] ?? ""),
  );
}

function parse(xml: string): Element {
  const declaration = '<?xml version="1.0" encoding="UTF-8"?>\n';
  if (!xml.startsWith(declaration)) throw new Error("no declaration");
  const top: Element = { tag: "", attributes: {}, children: [], text: "" };
  const open = [top];
  const token = /<(\/?)(\w[\w-]*)((?: [\w-]+="[^"<]*")*)(\/?)>|([^<]+)/gy;
  token.lastIndex = declaration.length;
  let end = token.lastIndex;
  for (let match = token.exec(xml); match; match = token.exec(xml)) {
    end = token.lastIndex;
    const [, closes, tag = "", attributes = "", empty, text] = match;
    const inside = open.at(-1) ?? expect.fail("too many ends");
    if (text !== undefined) inside.text += unescaped(text);
    else if (closes) expect(open.pop()?.tag).toBe(tag);
    else {
      const pairs = [...attributes.matchAll(/ ([\w-]+)="([^"]*)"/g)];
      const element: Element = {
        tag,
        attributes: Object.fromEntries(pairs.map(([, name = "", value = ""]) => [name, unescaped(value)])),
        children: [],
        text: "",
      };
      inside.children.push(element);
      if (!empty) open.push(element);
    }
  }
  expect(end).toBe(xml.length);
  expect(open).toHaveLength(1);
  return top.children[0] ?? expect.fail("no element");
}

const finding = (verdict: Finding["verdict"], more: Partial<Finding> = {}): Finding => ({
  check: `check-${verdict}`,
  verdict,
  saw: `saw ${verdict}`,
  remedy: "kubectl get pods",
  ...more,
});

test("each check is a case: what failed, could not be seen, may fail and is skipped is told apart", () => {
  const suites = parse(
    junitOf(
      healthy(),
      verdicts.map((verdict) => finding(verdict)),
      false,
    ),
  );
  const [suite] = suites.children;
  expect(suite?.attributes).toEqual({
    name: "verify apps",
    tests: "5",
    failures: "1",
    errors: "1",
    skipped: "1",
    timestamp: "2026-11-28T12:00:00.000Z",
  });
  expect(
    suite?.children.map(({ attributes, children }) => [attributes["name"], children.map(({ tag }) => tag)]),
  ).toEqual([
    ["check-fail", ["failure"]],
    ["check-unknown", ["error"]],
    ["check-warn", ["system-out"]],
    ["check-ok", ["system-out"]],
    ["check-skip", ["skipped"]],
  ]);
  expect(suite?.children[0]?.children[0]).toMatchObject({
    attributes: { message: "saw fail" },
    text: "kubectl get pods",
  });
});

test("a warning is a failure where it is strict", () => {
  const [suite] = parse(junitOf(healthy(), [finding("warn")], true)).children;
  expect(suite?.attributes["failures"]).toBe("1");
});

test("whatever was seen, it is XML, and nothing that XML can say is lost", () => {
  const text = fc.oneof(
    fc.string({ unit: "grapheme" }),
    fc.string({ unit: "binary" }),
    fc.constantFrom("]]>", "<a/>", "&amp;", "\u0000", "\ud800", "\n\t\r"),
  );
  fc.assert(
    fc.property(text, fc.constantFrom(...verdicts), (saw, verdict) => {
      const [suite] = parse(junitOf(healthy(), [finding(verdict, { saw, remedy: saw })], false)).children;
      const said = suite?.children[0]?.children[0];
      const expected = saw
        .replace(/\p{Surrogate}/gu, "\ufffd")
        .replace(/[\0-\x08\x0b\x0c\x0e-\x1f\ufffe\uffff]/g, "\ufffd");
      expect(said?.attributes["message"] ?? said?.text).toBe(
        verdict === "warn" ? `${expected}\n${expected}` : expected,
      );
    }),
  );
});
