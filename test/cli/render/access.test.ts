import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { describe, expect, test } from "vitest";
import { accessPage } from "../../../cli/lib/files";
import { renderStack } from "../../../cli/lib/renderStack";
import { jsonOf, viewOf } from "../../../cli/lib/view";
import { root } from "../../support/stacks";

const access = [
  {
    name: "api",
    target: { namespace: "orders", selector: { app: "api" } },
    port: 8080,
    callers: [
      { namespace: "shop", serviceAccount: "*" },
      { namespace: "monitoring", serviceAccount: "prometheus", withoutAuthentication: "alarms | must *work* <now>" },
      { entity: "ingress" },
      { entity: "world", reason: "customers call it" },
    ],
    operations: [{ methods: ["GET"], paths: [{ prefix: "/v1" }, { exact: "/a_b" }] }],
  },
  {
    name: "hook",
    target: { namespace: "shop", selector: { app: "hook" } },
    port: 8443,
    callers: [{ entity: "kube-apiserver" }],
    operations: [{ methods: ["POST"] }],
  },
];
const render = (...assignments: string[]) =>
  renderStack(
    root,
    "apps",
    [`access=${JSON.stringify(access)}`, "rollout.phases.shop=observe", ...assignments],
    undefined,
  );

/** The last part of the view, from "Who may call whom" on. */
const shown = (...assignments: string[]) =>
  viewOf(render(...assignments), (_, text) => text)
    .split("Who may call whom\n")[1]
    ?.split("\n")
    .map((line) => line.trim().replace(/ {2,}/g, "  "));

describe("render shows of every caller", () => {
  test("what it is, what it may do, and why it is not asked to authenticate", () => {
    expect(shown()).toEqual([
      "shop/*  ->  orders/api:8080 GET /v1/*, GET /a_b  authenticated",
      "monitoring/prometheus  ->  orders/api:8080 GET /v1/*, GET /a_b  without authentication: alarms | must *work* <now>",
      "ingress (not a workload)  ->  orders/api:8080 GET /v1/*, GET /a_b  never authenticated",
      "world (not a workload)  ->  orders/api:8080 GET /v1/*, GET /a_b  never authenticated: customers call it",
      "everyone else is denied in orders (require)",
      "nobody is denied in shop (observe); HTTP methods and paths count from allow on",
    ]);
  });

  test("the same with authentication off, where nobody is asked", () => {
    expect(shown("auth=false")?.slice(0, 3)).toEqual([
      "shop/*  ->  orders/api:8080 GET /v1/*, GET /a_b  by label only",
      "monitoring/prometheus  ->  orders/api:8080 GET /v1/*, GET /a_b  by label only",
      "ingress (not a workload)  ->  orders/api:8080 GET /v1/*, GET /a_b  never authenticated",
    ]);
  });

  test("the same on the page, where no word of it means anything to Markdown", () => {
    const page = accessPage(render());
    expect(page).toContain("`shop` (observe; HTTP methods and paths count from allow on)");
    expect(page.split("\n").filter((line) => line.startsWith("| "))).toEqual([
      "| from | to | port | authenticated |",
      "| --- | --- | --- | --- |",
      "| shop/\\* | orders/api | 8080 GET /v1/\\*, GET /a\\_b | yes |",
      "| monitoring/prometheus | orders/api | 8080 GET /v1/\\*, GET /a\\_b | no: alarms \\| must \\*work\\* \\<now\\> |",
      "| ingress (not a workload) | orders/api | 8080 GET /v1/\\*, GET /a\\_b | never |",
      "| world (not a workload) | orders/api | 8080 GET /v1/\\*, GET /a\\_b | never: customers call it |",
    ]);
  });

  test("the same as JSON, key by key", () => {
    const operations = ["GET /v1/*", "GET /a_b"];
    const to = { to: "orders/api", port: 8080, operations };
    expect(jsonOf(render())).toMatchObject({
      access: [
        { from: "shop/*", kind: "namespace", ...to, authenticated: true },
        { from: "monitoring/prometheus", ...to, authenticated: false, reason: "alarms | must *work* <now>" },
        { from: "ingress", kind: "entity", ...to, authenticated: false },
        { from: "world", kind: "entity", ...to, authenticated: false, reason: "customers call it" },
      ],
      operationsLeftOut: ["shop"],
    });
  });
});

test("docs/access.md has an example that is valid, and shows what render says of it", () => {
  const [, example = "", output = ""] =
    /```yaml\n([^]*?)```[^]*?```\n([^]*?)```/.exec(readFileSync(join(root, "docs", "access.md"), "utf8")) ?? [];
  const assignments = Object.entries(load(example) as object).map(
    ([key, value]) => `${key.replace("zero-trust:", "")}=${JSON.stringify(value)}`,
  );
  const view = viewOf(renderStack(root, "apps", assignments, undefined), (_, text) => text);
  expect(view.split("Who may call whom\n")[1]?.replace(/^ {4}/gm, "")).toBe(output.trimEnd());
});
