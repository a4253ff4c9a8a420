import * as fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { PlannedObject } from "../../core/util/kubernetes";
import { askWayOff } from "../../live/probes/wayOff";
import { deployedOnWayOff, refusalMessage, remediesFor } from "../../live/wayOff";
import { Refused, withCluster, type Answers } from "../support/fakeCluster";
import { transitionOf } from "../support/stacks";

const off = transitionOf("apps", { from: "on", auth: false });
const { config, plan, previous } = off;
const deployed = deployedOnWayOff(plan, previous.state);
const kinds = (objects: readonly PlannedObject[]) => objects.map(({ manifest }) => manifest.kind);
const isPolicy = ({ manifest }: PlannedObject) => manifest.kind === "CiliumNetworkPolicy";
const values = deployed.find(({ manifest }) => manifest.kind === "ConfigMap") ?? expect.fail();

test("turning authentication off depends on the policies and on Cilium's values, and on nothing of SPIRE's", () => {
  expect(new Set(kinds(deployed))).toEqual(new Set(["CiliumNetworkPolicy", "ConfigMap"]));
  expect(deployedOnWayOff(plan, undefined)).toEqual([]);
});

describe("of objects that are missing", () => {
  test("Cilium's values are made again, with authentication off", () => {
    const { made, left } = remediesFor(deployed, new Set([values.name]));
    expect(made).toEqual([values]);
    expect(JSON.stringify(made[0]?.manifest["data"])).toContain('\\"enabled\\": false');
    expect(left).toEqual([]);
  });

  test("nothing that is made again demands authentication, or closes a namespace that is open, whatever is missing", () => {
    fc.assert(
      fc.property(fc.subarray(deployed), (gone) => {
        const missing = new Set(gone.map(({ name }) => name));
        const { made, left, notes } = remediesFor(deployed, missing);
        expect([...made.map(({ name }) => name), ...left].sort()).toEqual([...missing].sort());
        expect(notes).toHaveLength(missing.size);
        expect(JSON.stringify(made)).not.toContain('"authentication":{"mode"');
        const policies = deployed.filter(isPolicy);
        if (policies.every(({ name }) => missing.has(name))) expect(made.filter(isPolicy)).toEqual([]);
      }),
    );
  });
});

describe("a refusal to write", () => {
  const object = values.manifest;
  const webhook =
    'Internal error occurred: failed calling webhook "deny.example.com": failed to call webhook: no route';

  test("by a webhook that does not answer names it, and the command that lets writes pass without it", () => {
    const places = [{ kind: "ValidatingWebhookConfiguration", configuration: "deny", index: 1 } as const];
    const message = refusalMessage({ object, message: webhook }, places, "apps", "apps");
    expect(message).toContain("The webhook deny.example.com does not answer");
    expect(message).toContain(
      `kubectl --context 'apps' patch validatingwebhookconfiguration deny --type json --patch '[{"op":"replace","path":"/webhooks/1/failurePolicy","value":"Ignore"}]'`,
    );
    expect(message).toContain("pulumi up --stack apps");
    expect(refusalMessage({ object, message: webhook }, [], "apps", "apps")).toContain(
      "get validatingwebhookconfigurations,mutatingwebhookconfigurations",
    );
  });

  test("by a webhook or a policy that says no asks its owner, and lowers no guard", () => {
    for (const message of [
      'admission webhook "validate.kyverno.svc" denied the request: no',
      "ValidatingAdmissionPolicy 'not-now' with binding 'not-now' denied request: no",
    ]) {
      const said = refusalMessage({ object, message }, [], "apps", "apps");
      expect(said).toContain(message);
      expect(said).toContain("Ask its owner");
      expect(said).not.toContain("Ignore");
    }
  });
});

describe("a look at the cluster", () => {
  const pathOf = ({ manifest: { apiVersion, kind, metadata } }: PlannedObject) =>
    `${apiVersion.includes("/") ? "/apis" : "/api"}/${apiVersion}/namespaces/${metadata.namespace}/${kind === "ConfigMap" ? "configmaps" : "ciliumnetworkpolicies"}/${metadata.name}`;
  const looked = (answers: Answers) => withCluster(answers, ["apps"], () => askWayOff(config, plan, previous, "apps"));

  test("finds nothing in the way where everything is there", async () => {
    expect(await looked({})).toEqual({ made: [], left: [], notes: [], refused: [] });
  });

  test("finds what is missing", async () => {
    expect(await looked({ [pathOf(values)]: 404 })).toMatchObject({ made: [values], left: [] });
    const policies = deployed.filter(isPolicy);
    const gone = Object.fromEntries(policies.map((policy) => [pathOf(policy), 404]));
    expect(await looked(gone)).toMatchObject({ made: [], left: policies.map(({ name }) => name) });
  });

  test("finds all policies missing where their kind is gone", async () => {
    expect((await looked({ "/apis/cilium.io/v2": 404 })).left).toEqual(
      deployed.filter(isPolicy).map(({ name }) => name),
    );
  });

  test.each([403, 429, 500])("takes what it may not or cannot read (%s) to be there", async (status) => {
    const answers = Object.fromEntries(deployed.map((object) => [pathOf(object), status]));
    expect(await looked(answers)).toEqual({ made: [], left: [], notes: [], refused: [] });
  });

  test("says before anything is written what refuses everything, and of a part only that it is refused", async () => {
    const query = "?dryRun=All&fieldManager=zero-trust&force=true";
    const message = 'failed calling webhook "deny.example.com": no route to host';
    const refused = new Refused(500, { kind: "Status", message });
    const lists = "/apis/admissionregistration.k8s.io/v1";
    const configuration = { metadata: { name: "deny" }, webhooks: [{ name: "other" }, { name: "deny.example.com" }] };
    const places = {
      [`${lists}/validatingwebhookconfigurations`]: { items: [configuration] },
      [`${lists}/mutatingwebhookconfigurations`]: { items: [] },
    };
    const refusing = (objects: readonly PlannedObject[]) =>
      Object.fromEntries(objects.map((object) => [`${pathOf(object)}${query}`, refused]));
    const command = "patch validatingwebhookconfiguration deny";
    expect((await looked({ ...places, ...refusing(deployed) })).blocked).toContain(command);
    const part = await looked({ ...places, ...refusing([values]) });
    expect(part).toMatchObject({ refused: [values.name], notes: [expect.stringContaining(command)] });
    expect(part.blocked).toBeUndefined();
  });

  test("is not made before an update that leaves authentication on", async () => {
    const on = transitionOf("apps", { from: "on", auth: true });
    const path = pathOf(values);
    const asked = await withCluster({ [path]: 404 }, ["apps"], () =>
      askWayOff(on.config, on.plan, on.previous, "apps"),
    );
    expect(asked).toEqual({ made: [], left: [], notes: [], refused: [] });
  });
});
