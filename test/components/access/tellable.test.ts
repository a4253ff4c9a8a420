import fc from "fast-check";
import { expect, test } from "vitest";
import { tellable } from "../../../components/access/mesh";
import { loadConfig } from "../../../config/load";
import { plan } from "../../../plan/plan";
import { anyIntents } from "../../support/arbitrary";
import { meshIntents } from "../../support/calls";
import { intent } from "../../support/intents";

const cluster = { name: "x", context: "x", identity: "00000000-0000-0000-0000-000000000000", kubernetes: "1.34" };
const none = { cluster, spire: { install: "none" } };
const meshes = {
  Cilium: { cluster: { ...cluster, cilium: { version: "1.19.3", delivery: "none" } }, spire: { install: "managed" } },
  "Istio's sidecars": { ...none, mesh: { istio: {} } },
  "Istio's ambient mode": { ...none, mesh: { istio: { mode: "ambient", waypoint: "waypoint" } } },
  Linkerd: { ...none, mesh: { linkerd: {} } },
};

test.each(Object.entries(meshes))(
  "with %s no intent stops the way off, also where the mesh could not say it",
  (_, keys) => {
    const intents = fc.oneof(anyIntents(["xshop"]), meshIntents);
    fc.assert(
      fc.property(intents, fc.constantFrom("observe", "allow", "require"), (access, phase) => {
        const stack = {
          auth: false,
          trustDomain: "x.internal",
          ...keys,
          access,
          rollout: { phases: { xshop: phase } },
        };
        const { components } = plan(loadConfig(stack, "x"), {});
        expect(components.map(({ kind }) => kind)).toEqual(
          expect.arrayContaining([expect.stringMatching(/AuthPolicy$/)]),
        );
      }),
      { numRuns: 150 },
    );
  },
);

test("what a mesh can say is not changed by that, so that off and on change the same objects", () => {
  const linkerd = { linkerd: { namespaces: "patch" } } as const;
  const said = [intent("api", { operations: [{ methods: ["GET"] }] }), intent("admin", { port: 9090 })];
  expect(tellable(said, linkerd)).toEqual(said);
  expect(tellable([intent("api", { callers: [{ entity: "host" }] })], linkerd)).toMatchObject([{ callers: [] }]);
});
