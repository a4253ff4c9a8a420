import { describe, expect, test } from "vitest";
import { untilOnEveryNode, withoutSpire } from "../../../live/gates/everyNode";
import { cluster, withCluster, type Answers } from "../../support/fakeCluster";
import { configOf } from "../../support/stacks";

const on = (node: string, ready = true) => ({ node, ready });
const pod = (nodeName: string) => ({ spec: { nodeName }, status: { conditions: [{ type: "Ready", status: "True" }] } });
const pods = (namespace: string, name: string, value: string) =>
  `/api/v1/namespaces/${namespace}/pods?labelSelector=${encodeURIComponent(`${name}=${value}`)}`;
const answers = (agents: unknown): Answers => ({
  ...cluster({ authenticating: false }),
  [pods("kube-system", "k8s-app", "cilium")]: { items: [pod("a"), pod("b")] },
  [pods("spire", "app.kubernetes.io/name", "spire-agent")]: agents,
});

describe("before Cilium is told to authenticate", () => {
  test("nothing is missing where a SPIRE agent is ready on every node that Cilium is ready on", () => {
    expect(withoutSpire([on("a"), on("b"), on("gone", false)], [on("a"), on("b")])).toBeUndefined();
    expect(withoutSpire([], [])).toBeUndefined();
  });

  test("nodes without one, and with one that is not ready, are named; of many, five", () => {
    expect(withoutSpire([on("a"), on("b"), on("c")], [on("a"), on("b", false)])).toBe(
      "Cilium runs on b, c, but no SPIRE agent is ready there",
    );
    const many = Array.from({ length: 9 }, (_, i) => on(`n${i}`));
    expect(withoutSpire(many, [])).toMatch(/^Cilium runs on n0, n1, n2, n3, n4 and 4 more,/);
  });

  test("half a minute without progress is enough, and a cluster that does not say is told apart from one that says no", async () => {
    const told: string[] = [];
    let paused = 0;
    const wait = (agents: unknown) =>
      withCluster(answers(agents), ["apps"], () =>
        untilOnEveryNode(
          configOf("apps"),
          (what) => told.push(what),
          (milliseconds) => Promise.resolve((paused += milliseconds)),
          () => paused,
        ),
      );
    expect(await wait({ items: [pod("a"), pod("b")] })).toBeUndefined();
    expect(paused).toBe(0);
    expect(await wait({ items: [pod("b")] })).toEqual({ what: "Cilium runs on a, but no SPIRE agent is ready there" });
    expect([told.length, paused]).toEqual([1, 30_000]);
    expect(await wait(403)).toEqual({ because: "the API server answered 403" });
  });
});
