import { expect, test } from "vitest";
import { askAgents } from "../../components/rollout/agents";
import { cluster, withCluster } from "../support/fakeCluster";
import { configOf } from "../support/stacks";

const { cluster: target } = configOf("apps");
const pods = "/api/v1/namespaces/kube-system/pods?labelSelector=k8s-app%3Dcilium";
const asked = (answer: unknown) =>
  withCluster({ ...cluster({ authenticating: true }), [pods]: answer }, ["apps"], () => askAgents(target));

test("an API server that says nothing is not waited for: the way off goes on", async () => {
  await expect(asked("silence")).rejects.toThrow("no answer in time");
}, 20_000);

test("an API server that refuses to list the agents is named with what it answered, and no more", async () => {
  await expect(asked(403)).rejects.toThrow(/^the API server answered 403$/);
});

test("an agent that cannot be asked is an answer about its node", async () => {
  const agent = { metadata: { name: "cilium-1" }, spec: { nodeName: "node1" } };
  expect(await asked({ items: [agent] })).toEqual([{ node: "node1", because: expect.any(String) as string }]);
});
