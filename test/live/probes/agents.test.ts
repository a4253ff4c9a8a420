import { describe, expect, test } from "vitest";
import { askAgents } from "../../../live/probes/agents";
import { until } from "../../../lab/until";
import { cluster, withCluster } from "../../support/fakeCluster";
import { configOf } from "../../support/stacks";

const { cluster: target } = configOf("apps");
const pods = "/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dcilium";
const asked = (answer: unknown) =>
  withCluster({ ...cluster({ authenticating: true }), [pods]: answer }, ["apps"], () => askAgents(target));

test("an API server that refuses to list the agents is named with what it answered, and no more", async () => {
  await expect(asked(403)).rejects.toThrow(/^the API server answered 403$/);
});

const agent = { metadata: { name: "cilium-1" }, spec: { nodeName: "node1" } };

describe("who says nothing is given up, and leaves no connection by which this program would not end:", () => {
  const sockets = () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
  /** With an API server that does not answer some paths. */
  const silent = (is: (path: string) => boolean, use: () => Promise<void>) => {
    const get = (others: Record<string, unknown>, path: string) =>
      is(path) ? "silence" : path === pods ? { items: [agent] } : others[path];
    return withCluster(
      new Proxy<Record<string, unknown>>({ ...cluster({ authenticating: true }) }, { get }),
      ["apps"],
      async () => {
        const before = sockets();
        await use();
        await until("the connections are closed", () => sockets() <= before);
      },
    );
  };

  test("the API server", () =>
    silent(
      (path) => path === pods,
      () => expect(askAgents(target)).rejects.toThrow("no answer in time"),
    ));

  test("a kubelet", () =>
    silent(
      (path) => path.includes("/exec?"),
      async () => expect(await askAgents(target)).toEqual([{ node: "node1", because: "no answer in time" }]),
    ));
}, 20_000);

test("an agent that cannot be asked is an answer about its node", async () => {
  expect(await asked({ items: [agent] })).toEqual([{ node: "node1", because: expect.any(String) as string }]);
});
