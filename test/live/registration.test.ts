import { expect, test } from "vitest";
import { registrationsOf, type Registration } from "../../live/registration";

const spiffeId = (stats: object): Registration => ({ kind: "ClusterSPIFFEID", name: "shop", status: { stats } });
const entry = (status: object): Registration => ({ kind: "ClusterStaticEntry", name: "exporter", status });

test("an identity is told with the pods that have it, and an entry that there is one", () => {
  expect(
    registrationsOf([
      spiffeId({ podsSelected: 3 }),
      spiffeId({ podsSelected: 1 }),
      entry({ rendered: true, masked: false }),
    ]),
  ).toEqual({
    pending: [],
    good: ["ClusterSPIFFEID shop: 3 pods", "ClusterSPIFFEID shop: 1 pod", "ClusterStaticEntry exporter: an entry"],
    bad: [],
  });
});

test("pods without their identity, and an entry without effect, are told with what to look at", () => {
  const { bad } = registrationsOf([
    spiffeId({ podsSelected: 3, podEntryRenderFailures: 1, entryFailures: 1 }),
    entry({ rendered: true, masked: true }),
    entry({ rendered: false, masked: false }),
  ]);
  expect(bad.map((text) => text.split(". Look at: ")[0])).toEqual([
    "ClusterSPIFFEID shop: 2 of 3 pods without an identity",
    "ClusterStaticEntry exporter is without effect: another one for the same is in its place",
    "ClusterStaticEntry exporter is without effect: no entry can be made of it",
  ]);
  expect(bad[0]).toContain("kubectl get clusterspiffeid shop");
});

test("what the controller-manager has not looked at yet is neither", () => {
  const pending = ["ClusterSPIFFEID shop", "ClusterStaticEntry exporter"];
  expect(registrationsOf([{ kind: "ClusterSPIFFEID", name: "shop" }, entry({})])).toEqual({
    pending,
    good: [],
    bad: [],
  });
});
