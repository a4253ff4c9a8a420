import { beforeAll, describe, expect, test } from "vitest";
import { objectsWith } from "../components/spire/planned";
import { runProgram, type Registered } from "../support/engine";
import { cluster, withCluster, workloadOf } from "../support/fakeCluster";
import { stacks, transitionOf, type transitions } from "../support/stacks";

type Transition = Pick<(typeof transitions)[number], "from" | "auth">;

const paths = {
  server: "/apis/apps/v1/namespaces/spire/statefulsets/spire-server",
  agent: "/apis/apps/v1/namespaces/spire/daemonsets/spire-agent",
};

// A busy machine takes longer to load it than a look at a cluster may take.
beforeAll(() => import("@kubernetes/client-node"));

/** Runs a transition, and tells at each look at a workload of SPIRE's whether what comes after it was registered. The workload is ready at the third look. */
async function run(transition: Transition, workload: keyof typeof paths, next: string, preview = false) {
  const { config, previous } = transitionOf("apps", transition);
  const registered: Registered[] = [];
  const looks: boolean[] = [];
  const answers = {
    ...cluster({ authenticating: previous.cilium === "on" }),
    get [paths[workload]]() {
      looks.push(registered.some(({ name }) => name === next));
      return workloadOf(looks.length < 3 ? 0 : 1);
    },
  };
  const outputs = previous.state ? { rollout: previous.state } : {};
  await withCluster(answers, [...stacks], () => runProgram("apps", config, outputs, { preview, registered }));
  return { looks, next: registered.some(({ name }) => name === next) };
}

describe("what comes after a workload of SPIRE's", () => {
  test.each<[workload: keyof typeof paths, next: string]>([
    ["server", "spire-agent"],
    ["agent", "cilium-auth-values"],
  ])("is not registered before the %s is ready, whatever the provider says", async (workload, next) => {
    const on = await run({ from: "off", auth: true }, workload, next);
    expect(on).toEqual({ looks: [false, false, false], next: true });
  });

  test("waits for nothing in a preview, and where authentication goes off", async () => {
    for (const [transition, preview] of [
      [{ from: "off", auth: true }, true],
      [{ from: "on", auth: false }, false],
    ] as const)
      expect(await run(transition, "agent", "spire-agent", preview)).toEqual({ looks: [], next: true });
  });
});

describe("the provider", () => {
  test.each([
    [
      "a server alone and all that is optional",
      ["spire.oidc.domain=oidc.example.com", "spire.oidc.tlsSecret=oidc-tls", "spire.csi={}"],
    ],
    ["servers with a database for labs", ["spire.datastore.labPostgres={}", "spire.replicas=2"]],
  ])(
    "waits for no volume that may be bound, for no Service whose pods come later, and for no workload: %s",
    (_, assignments) => {
      const awaited = objectsWith(assignments)
        .map(({ manifest }) => manifest)
        .filter(({ kind, metadata, spec }) => {
          const isHeadless = (spec as { clusterIP?: string } | undefined)?.clusterIP === "None";
          const waits =
            ["PersistentVolumeClaim", "StatefulSet", "DaemonSet", "Deployment"].includes(kind) ||
            (kind === "Service" && !isHeadless);
          return waits && metadata.annotations?.["pulumi.com/skipAwait"] !== "true";
        });
      expect(awaited).toEqual([]);
    },
  );
});
