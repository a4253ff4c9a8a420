import { describe, expect, test } from "vitest";
import { loadConfig } from "../../config/load";
import { readStackFile } from "../../config/stackFile";
import { root } from "../support/stacks";
import { intent, problemsOf } from "../support/intents";

const good = readStackFile(root, "apps");
const said = (access: readonly object[]) => problemsOf(access).map(({ key, problem }) => `${key} ${problem}`);
const ofCaller = (caller: unknown) => said([intent("api", { callers: [caller] })]);
const ofOperations = (operations: unknown) => said([intent("api", { operations })]);

const caller = "zero-trust:access[0].callers[0]";
const operations = "zero-trust:access[0].operations";
const why = "it must work when nothing else does";

describe("a caller", () => {
  test.each([
    { namespace: "web", serviceAccount: "frontend" },
    { namespace: "web", serviceAccount: "*" },
    { namespace: "web", serviceAccount: "*", withoutAuthentication: why },
    { entity: "ingress" },
    { entity: "kube-apiserver", reason: why },
    { entity: "host" },
    { entity: "world", reason: why },
    { cidr: "192.0.2.0/24" },
    { cidr: "192.0.2.7/32", reason: why },
    { cidr: "2001:db8::/32" },
  ])("can be %j, as it is or as JSON", (form) => {
    expect([...ofCaller(form), ...ofCaller(JSON.stringify(form))]).toEqual([]);
    const values = { ...good, access: [intent("api", { callers: [form] })] };
    expect(loadConfig(values, "apps").access[0]?.callers).toEqual([form]);
  });

  test.each([
    [{}, `${caller} is {}`],
    ["web/frontend", `${caller} is "web/frontend"`],
    [{ reason: why }, `${caller} is ${JSON.stringify({ reason: why })}`],
    [{ namespace: "web" }, `${caller}.serviceAccount is missing`],
    [{ serviceAccount: "frontend" }, `${caller}.namespace is missing`],
    [{ entity: "ingress", namespace: "web" }, `${caller}.namespace cannot stand beside entity`],
    [{ entity: "ingress", cidr: "192.0.2.0/24" }, `${caller}.cidr cannot stand beside entity`],
    [{ cidr: "192.0.2.0/24", serviceAccount: "a" }, `${caller}.serviceAccount cannot stand beside cidr`],
    [{ entity: "host", withoutAuthentication: why }, `${caller}.withoutAuthentication cannot stand beside entity`],
    [{ namespace: "web", serviceAccount: "a", reason: why }, `${caller}.reason cannot stand beside namespace`],
  ])("cannot be %j, and what it can be is said with an example", (form, problem) => {
    const [found] = problemsOf([intent("api", { callers: [form] })]);
    expect(ofCaller(form)).toEqual([problem]);
    expect(found?.allowed).toMatch(
      /\{ namespace: web, serviceAccount: frontend \}.*\{ entity: ingress \}.*\{ cidr: 192/,
    );
  });

  test.each([
    [{ namespce: "web", serviceAccount: "a" }, `${caller}.namespce is not a key; did you mean namespace?`],
    [{ entity: "ingress", resaon: why }, `${caller}.resaon is not a key; did you mean reason?`],
    [{ entity: "internet" }, `${caller}.entity is "internet"`],
    [{ entity: "world" }, `${caller}.reason is missing`],
    [{ entity: "world", reason: "because" }, `${caller}.reason is "because"`],
    [{ entity: "world", reason: "two\nlines of it" }, `${caller}.reason is "two\\nlines of it"`],
    [{ entity: "world", reason: "read \u202ebackwards" }, `${caller}.reason is "read \u202ebackwards"`],
    [{ namespace: "web", serviceAccount: "web-*" }, `${caller}.serviceAccount is "web-*"`],
    [{ namespace: "*", serviceAccount: "a" }, `${caller}.namespace is "*"`],
    [{ cidr: 10 }, `${caller}.cidr is 10`],
    [{ cidr: "192.0.2.7" }, `${caller}.cidr is "192.0.2.7"`],
    [{ cidr: "192.0.2.0/33" }, `${caller}.cidr is "192.0.2.0/33"`],
    [{ cidr: "fe80::%eth0/64" }, `${caller}.cidr is "fe80::%eth0/64"`],
  ])("cannot be %j, of which one key is wrong", (form, problem) => {
    expect(ofCaller(form)).toEqual([problem]);
  });

  test.each([
    ["10.1.2.3/8", "10.0.0.0/8"],
    ["192.0.2.7", "192.0.2.7/32"],
    ["10.0.0.0/08", "10.0.0.0/8"],
    ["2001:DB8:0::1/32", "2001:db8::/32"],
  ])("with the cidr %s is told to write %s, so that a network has one name", (cidr, canonical) => {
    expect(problemsOf([intent("api", { callers: [{ cidr }] })])[0]?.fix).toContain(`callers[0].cidr' ${canonical}`);
  });

  test.each(["0.0.0.0/0", "::/0", "10.0.0.0/0"])("with the cidr %s, which is everybody, is told to say so", (cidr) => {
    const [found, ...others] = problemsOf([intent("api", { callers: [{ cidr }] })]);
    expect(others).toEqual([]);
    expect(found).toMatchObject({
      key: caller,
      allowed: expect.stringContaining("entity: world with a reason") as string,
    });
    expect(found?.fix).toContain('"entity":"world","reason":');
  });
});

describe("operations", () => {
  test.each([
    [[], `${operations} is []`],
    [[{}], `${operations}[0] is {}`],
    [[{ methods: [] }], `${operations}[0].methods is []`],
    [[{ paths: [] }], `${operations}[0].paths is []`],
    [[{ methods: ["get"] }], `${operations}[0].methods[0] is "get"`],
    [[{ methods: ["PROPFIND"] }], `${operations}[0].methods[0] is "PROPFIND"`],
    [[{ paths: ["/a"] }], `${operations}[0].paths[0] is "/a"`],
    [[{ paths: [{}] }], `${operations}[0].paths[0] is {}`],
    [[{ paths: [{ exact: "/a", prefix: "/a" }] }], `${operations}[0].paths[0].prefix cannot stand beside exact`],
    [[{ paths: [{ regex: "/a.*" }] }], `${operations}[0].paths[0].regex is not a key`],
    [[{ path: "/a" }], `${operations}[0].path is not a key; did you mean paths?`],
  ])("cannot be %j", (wrong, problem) => {
    expect(ofOperations(wrong)).toEqual([problem]);
  });

  test.each([
    ...["", "a", "//", "/a/", "/a//b", "/.", "/..", "/a/../b", "/a/./b", "/a?x", "/a#x", "/a;b", "/%61", "/a*", "/{a}"],
    ...["/a b", "/é", "/a\\b", `/${"a".repeat(60)}`],
  ])("cannot have the path %j, exactly or as a prefix", (path) => {
    for (const kind of ["exact", "prefix"])
      expect(ofOperations([{ paths: [{ [kind]: path }] }])).toEqual([
        `${operations}[0].paths[0].${kind} is ${JSON.stringify(path)}`,
      ]);
  });

  test.each(["/", "/a", "/a.b/c-d_e~f", "/.well-known/x", "/..a/.../b..", `/${"a".repeat(59)}`])(
    "can have %s",
    (path) => {
      expect(ofOperations([{ paths: [{ exact: path }, { prefix: path }] }])).toEqual([]);
    },
  );
});
