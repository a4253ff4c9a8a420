import fc from "fast-check";
import { expect, test } from "vitest";
import { phaseLines, sayOnce } from "../../../core/util/sayOnce";

const name = fc.stringMatching(/^[a-z]([a-z0-9-]{0,6}[a-z0-9])?$/);
const remedy = (namespace: string) => `kubectl --namespace ${namespace} get pods`;

test("what differs in the namespace alone is said once, with a command that is right for each and the list of them", () => {
  const said = ["orders", "shop", "web"].map((namespace) => ({
    namespace,
    text: `${namespace} is closed: ${remedy(namespace)}`,
  }));
  expect(sayOnce(said)).toEqual([
    "NAMESPACE is closed: kubectl --namespace NAMESPACE get pods (NAMESPACE: orders, shop, web)",
  ]);
  expect(sayOnce(said.slice(1, 2))).toEqual(["shop is closed: kubectl --namespace shop get pods"]);
});

test("of many namespaces the first are listed, and how many more there are", () => {
  const said = Array.from({ length: 10 }, (_, i) => ({ namespace: `team-${i}`, text: `close team-${i}` }));
  expect(sayOnce(said)).toEqual(["close NAMESPACE (NAMESPACE: team-0, team-1, team-2, team-3, team-4 and 5 more)"]);
});

test("the list stands before lines that are to be copied", () => {
  const said = ["a", "b"].map((namespace) => ({ namespace, text: `Write there:\nmetadata:\n  name: ${namespace}` }));
  expect(sayOnce(said)).toEqual(["Write there (NAMESPACE: a, b):\nmetadata:\n  name: NAMESPACE"]);
});

test("what differs in anything else stays apart, in its order", () => {
  const said = [
    { namespace: "a", text: "a has 1 pod" },
    { text: "the cluster is away" },
    { namespace: "b", text: "b has 2 pods" },
    { namespace: "a", text: "a-b has 1 pod" },
  ];
  expect(sayOnce(said)).toEqual(said.map(({ text }) => text));
});

test("whatever the namespaces are called, each text can be told from what is said", () => {
  fc.assert(
    fc.property(fc.uniqueArray(name, { minLength: 2, maxLength: 6 }), (namespaces) => {
      const texts = namespaces.map((namespace) => `there is no evidence for ${namespace}; ${remedy(namespace)}`);
      const told = sayOnce(namespaces.map((namespace, i) => ({ namespace, text: texts[i]! }))).flatMap((line) => {
        const [, form = line, list] = /^(.*) \(NAMESPACE: (.*)\)$/.exec(line) ?? [];
        return list === undefined ? [form] : list.split(", ").map((each) => form.replaceAll("NAMESPACE", each));
      });
      expect(told.sort()).toEqual(texts.sort());
    }),
  );
});

test("changes of phases are a line each, with the namespaces", () => {
  const changes = [
    { namespace: "orders", change: "new -> allow" },
    { namespace: "web", change: "off -> observe" },
    { namespace: "shop", change: "new -> allow" },
  ];
  expect(phaseLines(changes)).toEqual(["orders, shop: new -> allow", "web: off -> observe"]);
});
