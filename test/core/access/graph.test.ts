import { describe, expect, test } from "vitest";
import { accessDiagram, accessOf, operationsLeftOut } from "../../../core/access/graph";
import type { Intent } from "../../../core/schema/schema";
import { intent } from "../../support/intents";

describe("who may call whom", () => {
  test("is authenticated in require, told by labels in allow, and open in observe and off", () => {
    const of = (phase: "off" | "observe" | "allow" | "require") => accessOf([intent("api")], { orders: phase });
    expect(of("require")).toEqual([{ from: "web/frontend", to: "orders/api", port: 8080, authenticated: true }]);
    expect(of("allow")).toEqual([{ from: "web/frontend", to: "orders/api", port: 8080, authenticated: false }]);
    expect([...of("observe"), ...of("off")]).toEqual([]);
  });

  test("is drawn with callers and targets in their namespaces, and a thick arrow for an authenticated call", () => {
    const access = accessOf([intent("api")], { orders: "require" });
    const open = { from: "orders/api", to: "orders/db", port: 5432, authenticated: false };
    expect(accessDiagram([...access, open])).toBe(
      [
        "flowchart LR",
        "  subgraph orders",
        '    n0["api"]',
        '    n1["db"]',
        "  end",
        "  subgraph web",
        '    n2["frontend"]',
        "  end",
        '  n2 == "8080, authenticated" ==> n0',
        '  n0 -- "5432" --> n1',
      ].join("\n"),
    );
  });

  test("tells kinds of callers apart, names each once, and says why one is not asked to authenticate", () => {
    const callers: Intent["callers"] = [
      { namespace: "web", serviceAccount: "*" },
      { namespace: "web", serviceAccount: "*" },
      { namespace: "monitoring", serviceAccount: "prometheus", withoutAuthentication: "alarms work on their own" },
      { entity: "world", reason: "customers call it" },
      { cidr: "192.0.2.0/24" },
    ];
    const of = (phase: "allow" | "require") =>
      accessOf([intent("api", { callers })], { orders: phase }).map(({ to: _, port: __, ...line }) => line);
    expect(of("require")).toEqual([
      { from: "web/*", kind: "namespace", authenticated: true },
      { from: "monitoring/prometheus", authenticated: false, reason: "alarms work on their own" },
      { from: "world", kind: "entity", authenticated: false, reason: "customers call it" },
      { from: "192.0.2.0/24", kind: "cidr", authenticated: false },
    ]);
    expect(of("allow")).toEqual([
      { from: "web/*", kind: "namespace", authenticated: false },
      { from: "monitoring/prometheus", authenticated: false },
      { from: "world", kind: "entity", authenticated: false, reason: "customers call it" },
      { from: "192.0.2.0/24", kind: "cidr", authenticated: false },
    ]);
  });

  test("lists each method and path once, a prefix with what is below it", () => {
    const operations: Intent["operations"] = [
      { methods: ["GET", "GET"], paths: [{ exact: "/" }, { prefix: "/v1" }] },
      { paths: [{ prefix: "/" }] },
      { methods: ["HEAD", "GET"] },
    ];
    const [line] = accessOf([intent("api", { operations })], { orders: "allow" });
    expect(line?.operations).toEqual(["GET /", "GET /v1/*", "/*", "HEAD", "GET"]);
  });

  test("is drawn with what is no workload outside the namespaces, and a whole namespace as every workload", () => {
    const callers: Intent["callers"] = [{ entity: "ingress" }, { namespace: "web", serviceAccount: "*" }];
    const access = accessOf([intent("api", { callers, operations: [{ methods: ["GET"] }] })], { orders: "require" });
    expect(accessDiagram(access)).toBe(
      [
        "flowchart LR",
        '  n0(["ingress"])',
        "  subgraph orders",
        '    n1["api"]',
        "  end",
        "  subgraph web",
        '    n2["every workload"]',
        "  end",
        '  n0 -- "8080 GET" --> n1',
        '  n2 == "8080 GET, authenticated" ==> n1',
      ].join("\n"),
    );
  });

  test("leaves operations out of namespaces in observe alone", () => {
    const target = (namespace: string) => ({ target: { namespace, selector: { app: "api" } } });
    const read = { operations: [{ methods: ["GET" as const] }] };
    const intents = ["orders", "shop", "web"].map((n) => intent(n, { ...target(n), ...(n === "web" ? {} : read) }));
    expect(operationsLeftOut(intents, { orders: "observe", shop: "allow", web: "observe" })).toEqual(["orders"]);
  });
});
