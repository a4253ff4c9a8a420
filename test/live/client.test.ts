import { expect, test } from "vitest";
import { endedBy, kubeconfigAt } from "../../live/client";
import { withCluster } from "../support/fakeCluster";

test("fifty requests at a time that end with one signal bring no warning of Node's", async () => {
  const warnings: string[] = [];
  const hear = ({ name }: Error) => void warnings.push(name);
  process.on("warning", hear);
  const names = Array.from({ length: 50 }, (_, i) => `team-${i}`);
  const answers = Object.fromEntries(names.map((name) => [`/api/v1/namespaces/${name}`, { metadata: { name } }]));
  try {
    await withCluster(answers, ["apps"], async () => {
      const { CoreV1Api } = await import("@kubernetes/client-node");
      const core = (await kubeconfigAt("apps"))!.makeApiClient(CoreV1Api);
      const options = await endedBy(AbortSignal.timeout(60_000));
      const read = await Promise.all(names.map((name) => core.readNamespace({ name }, options)));
      expect(read.map(({ metadata }) => metadata?.name)).toEqual(names);
    });
  } finally {
    process.off("warning", hear);
  }
  expect(warnings).toEqual([]);
});
