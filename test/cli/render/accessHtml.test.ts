import { describe, expect, test } from "vitest";
import { difference, noState } from "../../../core/access/difference";
import { accessStateOf } from "../../../plan/plan";
import { accessHtml } from "../../../cli/render/accessHtml";
import type { RenderedStack } from "../../../cli/lib/renderStack";
import { intent, stackOf } from "./accessStack";

const lines = (html: string) => html.match(/<tr data-from=/g)?.length ?? 0;
const withChanges = (stack: RenderedStack): RenderedStack => ({
  ...stack,
  difference: { base: "main", commit: "0", changes: difference(noState, accessStateOf(stack.config, stack.plan)) },
});

describe("the page of who may call whom", () => {
  const stack = stackOf([intent("orders", "api", "web"), intent("orders", "db", "orders")], { orders: "require" });

  test("has every line below the namespace that is called, and each namespace's callers in the matrix", () => {
    const html = accessHtml(stack);
    expect(lines(html)).toBe(stack.plan.access.length);
    expect(html.match(/<details id="to-/g)).toHaveLength(1);
    expect(html).toContain('data-name="web/frontend"');
    expect(html).toContain('title="1 from web to orders, all authenticated"');
    expect(html).toContain('title="2 from 192.0.2.0/24 to orders, not all authenticated"');
  });

  test("shows what the configuration says as text, and loads nothing", () => {
    const html = accessHtml(stack);
    expect(html).toContain("it&#39;s &#34;old&#34; &#60;b&#62;&#38;");
    expect(html).not.toMatch(/https?:|<script [^>]|@import|url\(|<b>/);
  });

  test("says who gains and who loses access where that was asked for, and why, and not by colour alone", () => {
    expect(accessHtml(stack)).not.toContain("Changes since");
    const html = accessHtml(withChanges(stack));
    expect(html).toContain("Changes since <code>main</code>");
    expect(html).toMatch(
      /<tr class="lost"><td>-<\/td><td>whoever is not named<\/td><td>orders<\/td><td>loses access: orders goes from off to require/,
    );
    expect(html).toContain('data-to="orders" data-changed="" open');
  });

  test("of hundreds of lines begins with closed namespaces", () => {
    const many = Array.from({ length: 100 }, (_, i) => intent(`n${i % 10}`, `api-${i}`, `n${(i + 3) % 10}`));
    const html = accessHtml(stackOf(many, Object.fromEntries(many.map(({ target }) => [target.namespace, "allow"]))));
    expect(lines(html)).toBe(200);
    expect(html).not.toMatch(/<details [^>]* open>/);
  });

  test("is a page also where nobody is denied", () => {
    const html = accessHtml(stackOf([], { orders: "observe" }));
    expect(html).toContain("0 lines");
    expect(html).not.toContain("By namespace");
  });
});
