import { describe, expect, test } from "vitest";
import { previousFor } from "../../../plan/origins";
import { askCsiDriver } from "../../../live/probes/csiDriver";
import { decideKnown } from "../../../program/baseline";
import type { Look } from "../../../live/probes/cilium";
import { withCluster, type Answers } from "../../support/fakeCluster";
import { configOf } from "../../support/stacks";

const config = configOf("apps", "spire.csi={}");
const path = "/apis/storage.k8s.io/v1/csidrivers/csi.spiffe.io";
const ask = (answers: Answers) => withCluster(answers, ["apps"], () => askCsiDriver(config.cluster));
const look: Look = { reachable: true, identity: config.cluster.identity, cilium: "on" };
const known = (othersDriver: Awaited<ReturnType<typeof askCsiDriver>>, preview = false) => {
  return decideKnown(config, previousFor("on", config).state, look, preview, { othersDriver });
};

describe("a CSI driver that is in the cluster already", () => {
  test("is somebody else's unless it has this program's label, and whoever wrote it is named", async () => {
    const metadata = { name: "csi.spiffe.io", labels: { "app.kubernetes.io/managed-by": "Helm" } };
    const managedFields = [{ manager: "helm" }, { manager: "kubectl-label" }, { manager: "helm" }];
    expect(await ask({ [path]: { metadata: { ...metadata, managedFields } } })).toEqual({
      writtenBy: "helm, kubectl-label",
    });
    expect(await ask({ [path]: { metadata: { name: metadata.name } } })).toEqual({ writtenBy: "somebody" });
    const labels = { "app.kubernetes.io/managed-by": "zero-trust" };
    expect(await ask({ [path]: { metadata: { ...metadata, labels } } })).toBeUndefined();
    expect(await ask({})).toBeUndefined();
  });

  test("stops the update, and the preview with an error, when it is somebody else's", () => {
    for (const preview of [true, false])
      expect(known({ writtenBy: "helm" }, preview).errors).toEqual([
        expect.stringMatching(
          /^The CSIDriver csi\.spiffe\.io is somebody else's \(helm\), .* Leave out zero-trust:spire\.csi/,
        ),
      ]);
    expect(known(undefined).errors).toEqual([]);
  });

  test("is said, and stops nothing, while authentication goes off", () => {
    const off = configOf("apps", "spire.csi={}", "auth=false");
    expect(
      decideKnown(off, previousFor("on", off).state, look, false, { othersDriver: { writtenBy: "helm" } }),
    ).toMatchObject({
      errors: [],
      notes: [expect.stringContaining("is somebody else's (helm)")],
    });
  });

  test("stops nothing where nobody could say, which is said", async () => {
    const because = await ask({ [path]: 403 });
    expect(because).toEqual({ because: "the API server answered 403" });
    expect(known(because)).toMatchObject({
      errors: [],
      notes: ["Nobody could say whose the CSIDriver csi.spiffe.io is (the API server answered 403)"],
    });
  });
});
