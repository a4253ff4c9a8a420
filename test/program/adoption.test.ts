import { gzipSync } from "node:zlib";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ciliumArgs } from "../../plan/args";
import { ciliumValues } from "../../components/cilium/values";
import { withValueAt } from "../../core/util/path";
import { plan } from "../../plan/plan";
import { valueChanges } from "../../program/adoption";
import { askRelease, type LiveRelease } from "../../live/probes/release";
import { decideKnown } from "../../program/baseline";
import type { Look } from "../../live/probes/cilium";
import { previousFor, type Origin } from "../../plan/origins";
import { withCluster, type Answers } from "../support/fakeCluster";
import { configOf, helm } from "../support/stacks";

const config = configOf("apps", ...helm);
const wanted = ciliumValues(ciliumArgs(config)) as unknown as Readonly<Record<string, unknown>>;
const look: Look = { reachable: true, identity: config.cluster.identity, cilium: "on" };
const version = config.cluster.cilium?.version ?? "";

describe("what an upgrade with other values does to a release", () => {
  const compared = (live: Record<string, unknown>, given: Record<string, unknown>) =>
    valueChanges(live, given).map(({ change, path }) => `${change} ${path}`);

  test("is told value by value: objects are taken together, and a list is one value", () => {
    const live = { a: { b: 1, c: [1] }, "x.y": { z: true }, same: { d: null, l: [{ k: 1, v: 2 }] }, empty: {} };
    const given = { a: { b: 2, e: "" }, same: { d: null, l: [{ v: 2, k: 1 }] }, n: { m: { o: 1 } } };
    expect(compared(live, given)).toEqual([
      'dropped ["x.y"].z',
      "changed a.b",
      "dropped a.c",
      "added a.e",
      "added n.m.o",
    ]);
  });

  const values = fc.dictionary(
    fc.stringMatching(/^[a-c]$/),
    fc.letrec((tie) => ({
      value: fc.oneof({ depthSize: "small" }, fc.boolean(), fc.integer(), fc.array(fc.boolean()), tie("object")),
      object: fc.dictionary(fc.stringMatching(/^[a-c]$/), tie("value")),
    })).value,
  );

  test("is nothing for the same values, and the other way round what was dropped is added", () => {
    const turned = { dropped: "added", added: "dropped", changed: "changed" } as const;
    fc.assert(
      fc.property(values, values, (one, other) => {
        expect(valueChanges(one, one)).toEqual([]);
        expect(valueChanges(other, one).map(({ change, path }) => ({ change: turned[change], path }))).toEqual(
          valueChanges(one, other).map(({ change, path }) => ({ change, path })),
        );
      }),
    );
  });
});

/** A Secret with Helm's record of a release. */
const recordOf = (release: object) => ({
  data: {
    release: Buffer.from(gzipSync(JSON.stringify(release)).toString("base64")).toString("base64"),
  },
});
const chart = { metadata: { version: "1.18.4" } };
const labelSelector = "owner=helm,name=cilium,status notin (superseded,uninstalled)";
const secrets = `/api/v1/namespaces/kube-system/secrets?${new URLSearchParams({ labelSelector }).toString()}`;
const ask = (answers: Answers) => withCluster(answers, ["apps"], () => askRelease(config.cluster));

describe("the release of Cilium, as Helm has recorded it,", () => {
  test("is read: the last of its records, and who upgrades it", async () => {
    const manifest =
      'kind: DaemonSet\nmetadata:\n  labels:\n    helm.toolkit.fluxcd.io/name: "cilium"\n    helm.toolkit.fluxcd.io/namespace: flux-system\n';
    const items = [
      recordOf({ version: 10, config: { a: 1 }, chart, manifest }),
      recordOf({ version: 9, config: { a: 2 }, chart }),
    ];
    expect(await ask({ [secrets]: { items } })).toEqual({
      values: { a: 1 },
      chart: "1.18.4",
      revision: 10,
      flux: "flux-system/cilium",
    });
    expect(await ask({ [secrets]: { items: [recordOf({ version: 1, config: null, chart })] } })).toEqual({
      values: {},
      chart: "1.18.4",
      revision: 1,
    });
  });

  test("is nothing where there is none, and is not asked for where this stack is not to have it", async () => {
    expect(await ask({ [secrets]: { items: [] } })).toBeUndefined();
    expect(await askRelease(configOf("apps").cluster)).toBeUndefined();
  });

  test.each([
    ["may not read it", 403, "the API server answered 403"],
    ["cannot read what is in it", { items: [{ data: { release: "AAAA" } }] }, "Helm's record of it cannot be read"],
  ])("stops nothing where one %s, which is said", async (_, answer, because) => {
    const release = await ask({ [secrets]: answer });
    expect(release).toEqual({ because });
    expect(said(release)).toMatchObject({ errors: [], notes: [expect.stringContaining(because) as string] });
  });
});

function said(release: LiveRelease | undefined, from: Origin = "on", ...assignments: string[]) {
  const decided = configOf("apps", ...helm, ...assignments);
  const { errors, notes } = decideKnown(decided, previousFor(from, decided).state, look, false, { release });
  return { errors, notes };
}
const live = (...changes: [path: string[], value: unknown][]): LiveRelease => ({
  values: changes.reduce((values, [path, value]) => withValueAt(values, path, value), wanted as unknown) as Record<
    string,
    unknown
  >,
  chart: version,
  revision: 3,
});

describe("a release that this stack has never delivered", () => {
  test("stops the update where it has values that the stack's file has not, or has otherwise: each is named, and no text is shown", () => {
    const release = live(
      [["azure", "clientSecret"], "s3cret"],
      [["debug", "enabled"], true],
      [["operator", "replicas"], 7],
    );
    const { errors } = said(release);
    expect(errors).toHaveLength(1);
    const [error = ""] = errors;
    expect(error).toMatch(
      /The Helm release kube-system\/cilium has values that are not this stack's, and 3 of them would be lost/,
    );
    expect(error).toMatch(/^ {2}dropped {2}azure\.clientSecret +a text$/m);
    expect(error).toMatch(/^ {2}dropped {2}debug\.enabled +true$/m);
    expect(error).toMatch(/operator\.replicas +7/);
    expect(error).toContain("Write what is to stay into test/fixtures/cilium-values.yaml");
    expect(error).not.toContain("s3cret");
  });

  test("stops it for a null too, which takes a value of the chart's away and cannot be delivered", () => {
    const { errors } = said(live([["updateStrategy", "rollingUpdate"], null]));
    expect(errors).toEqual([
      expect.stringMatching(
        /dropped +updateStrategy\.rollingUpdate +null\n +Each null is dropped by Pulumi's Kubernetes provider/,
      ),
    ]);
  });

  test("may be taken over where nothing is lost: what this program sets is said, and so is another chart", () => {
    const { errors, notes } = said({
      ...(live([["authentication"], { enabled: false, queueSize: 7 }]) as LiveRelease & { values: object }),
      chart: "1.18.4",
    });
    expect(errors).toEqual([]);
    expect(notes).toContainEqual(
      expect.stringContaining('where it was not imported, an update ends with "cannot re-use a name"'),
    );
    expect(notes).toContainEqual(`The Helm release kube-system/cilium goes from the chart 1.18.4 to ${version}`);
    expect(notes).toContainEqual(expect.stringMatching(/dropped +authentication\.queueSize +7/));
  });

  test("is not taken from Flux, who would put its own values back", () => {
    const flux = { ...(live() as object), flux: "flux-system/cilium" } as LiveRelease;
    expect(said(flux).errors).toEqual([
      expect.stringContaining("is upgraded by Flux's HelmRelease flux-system/cilium"),
    ]);
  });

  test("stops no update that may turn authentication off, and one that comes after it", () => {
    const release = live([["debug", "enabled"], true]);
    for (const from of ["new", "on"] as const) {
      const { errors, notes } = said(release, from, "auth=false");
      expect(errors).toEqual([]);
      expect(notes).toContainEqual(expect.stringMatching(/dropped +debug\.enabled/));
    }
    expect(said(release, "off", "auth=false").errors).toHaveLength(1);
  });

  test("is this stack's once an update has delivered it", () => {
    expect(plan(config, previousFor("on", config)).outputs.rollout.release).toBe("kube-system/cilium");
    expect(plan(configOf("apps"), {}).outputs.rollout.release).toBeUndefined();
  });
});
