import type { Facts } from "../../verify/health/facts";
import type { Finding } from "../../verify/health/finding";

/**
 * The findings as CI systems read them: a suite with a case for each check. What failed is a failure, what could not be seen an error, a warning is told in the case's
 * output, and a failure where it is strict. (There is no standard; this is what Jenkins, GitLab and GitHub's reporters read.)
 */
export function junitOf({ stack, now }: Facts, findings: readonly Finding[], strict: boolean): string {
  const cases = findings.map((finding) => caseOf(finding, stack, strict));
  const count = (tag: string) => cases.filter((text) => text.includes(`<${tag}`)).length;
  const counts = { tests: cases.length, failures: count("failure"), errors: count("error"), skipped: count("skipped") };
  const attributes = attributesOf({ name: `verify ${stack}`, ...counts, timestamp: new Date(now).toISOString() });
  return `${['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", `  <testsuite ${attributes}>`, ...cases, "  </testsuite>", "</testsuites>"].join("\n")}\n`;
}

function caseOf({ check, verdict, saw, remedy }: Finding, stack: string, strict: boolean): string {
  const open = `    <testcase ${attributesOf({ classname: `verify.${stack}`, name: check })}>`;
  const message = attributesOf({ message: saw });
  const text = escaped(remedy ?? saw);
  const inside = {
    fail: `<failure ${message}>${text}</failure>`,
    unknown: `<error ${message}>${text}</error>`,
    warn: strict
      ? `<failure ${message}>${text}</failure>`
      : `<system-out>${escaped(`${saw}\n${remedy ?? ""}`)}</system-out>`,
    skip: `<skipped ${message}/>`,
    ok: `<system-out>${escaped(saw)}</system-out>`,
  }[verdict];
  return `${open}${inside}</testcase>`;
}

const attributesOf = (attributes: Readonly<Record<string, string | number>>) =>
  Object.entries(attributes)
    .map(([name, value]) => `${name}="${escaped(String(value))}"`)
    .join(" ");

const entities: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&apos;",
  "\n": "&#10;",
  "\r": "&#13;",
  "\t": "&#9;",
};

/** Text as XML 1.0 allows it (production 2, Char): what it has no place for, half a character or a control character, is replaced. */
const escaped = (text: string): string =>
  text
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]|\p{Surrogate}/gu, "\ufffd")
    .replace(/[&<>"'\n\r\t]/g, (character) => entities[character] ?? character);
