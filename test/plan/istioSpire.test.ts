import { load as loadYaml } from "js-yaml";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { filesOf } from "../../cli/lib/files";
import { viewOf } from "../../cli/lib/view";
import { loadConfig, type ConfigError } from "../../config/load";
import { describeObject, manifestsOf, type KubernetesObject } from "../../core/util/kubernetes";
import { origins, previousFor, type Origin } from "../../plan/origins";
import { plan } from "../../plan/plan";
import { decideKnown } from "../../program/baseline";
import { gateRights, verifyRights } from "../../live/rights";
import { factsOfPlan, type Facts } from "../../policy/facts/facts";
import { judge } from "../../policy/rules/guardrail";
import { guardrails } from "../../policy/guardrails";
import { schemaErrors } from "../support/schema";
import { transitions } from "../support/stacks";

const path = "/ns/{namespace}/sa/{serviceAccount}";
const managed = { csi: {}, workloads: [{ name: "mesh", namespaces: ["billing", "orders", "web"] }] };
const pinned = (image: string) => `${image}@sha256:${"0".repeat(64)}`;
/** What no guardrail has advice about. */
const advised = {
  storage: { className: "local" },
  images: {
    controllerManager: pinned("ghcr.io/spiffe/spire-controller-manager:0.7.0"),
    csiDriver: pinned("ghcr.io/spiffe/spiffe-csi-driver:0.2.13"),
    csiRegistrar: pinned("registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.16.0"),
  },
};

const values = (spire: object = managed, changes: object = {}): Record<string, unknown> => ({
  auth: true,
  trustDomain: "apps.zt.internal",
  cluster: { name: "apps", context: "apps", identity: "00000000-0000-0000-0000-000000000000", kubernetes: "1.34" },
  mesh: { istio: {} },
  spire: { ...advised, ...spire },
  rollout: { phases: { orders: "require", billing: "observe" }, greenfield: ["orders", "billing"] },
  access: [
    {
      name: "api",
      target: { namespace: "orders", selector: { app: "api" } },
      port: 8080,
      callers: [{ namespace: "web", serviceAccount: "frontend" }],
    },
  ],
  ...changes,
});
const configOf = (spire?: object, changes?: object) => loadConfig(values(spire, changes), "apps");
const problems = (spire?: object, changes?: object) => {
  try {
    configOf(spire, changes);
    return [];
  } catch (error) {
    return (error as ConfigError).problems.map(
      ({ key, problem, allowed, fix }) => `${key} ${problem}: ${allowed}: ${fix}`,
    );
  }
};
const update = (from: Origin, auth: boolean, spire?: object) => {
  const config = configOf(spire, { auth });
  const previous = previousFor(from, config);
  return { config, previous, plan: plan(config, previous) };
};
const objectsOf = (spire?: object): Map<string, KubernetesObject> =>
  new Map(manifestsOf(update("on", true, spire).plan.components).map((object) => [describeObject(object), object]));
const fileOf = (name: string, key: string, spire?: object) =>
  JSON.parse((objectsOf(spire).get(name)?.["data"] as Record<string, string>)[key] ?? "") as Record<
    string,
    Record<string, unknown>
  >;

describe("SPIRE that signs for Istio's sidecars", () => {
  test("is asked for its socket and for an identity of each namespace in the mesh, with the command that writes it", () => {
    expect(problems()).toEqual([]);
    expect(problems({ workloads: managed.workloads })).toEqual([
      expect.stringMatching(
        /^zero-trust:spire\.csi\.kubeletDirectory is missing: .*CSI driver\. Or write spire\.install none/,
      ) as string,
    ]);
    expect(problems({ csi: {}, workloads: [{ name: "mesh", namespaces: ["orders"] }] })).toEqual([
      "zero-trust:spire.workloads[1] is missing: identities with the path /ns/{namespace}/sa/{serviceAccount}, the one that Istio takes, for the pods of billing, web: " +
        `pulumi config set --stack apps --path 'zero-trust:spire.workloads[1]' '${JSON.stringify({ name: "istio", namespaces: ["billing", "web"], path })}'`,
    ]);
    // What it says to write is enough.
    const workloads = [
      { name: "mesh", namespaces: ["orders"] },
      JSON.stringify({ name: "istio", namespaces: ["billing", "web"], path }),
    ];
    expect(problems({ csi: {}, workloads })).toEqual([]);
  });

  test("gives no pod in the mesh a second identity, of which its sidecar would get either", () => {
    const second = { name: "second", namespaces: ["elsewhere", "orders"], path: "/second/{namespace}" };
    expect(problems({ csi: {}, workloads: [...managed.workloads, second] })).toEqual([
      expect.stringMatching(
        /^zero-trust:spire\.workloads\[1\]\.namespaces\[1\] is "orders": a namespace whose pods/,
      ) as string,
    ]);
  });

  test("is asked for none of that while authentication is off: off must always work", () => {
    expect(problems({}, { auth: false })).toEqual([]);
  });

  test.each([
    [
      "in ambient mode",
      { mesh: { istio: { mode: "ambient" } } },
      managed,
      "ztunnel takes certificates from istiod alone (istio#42339)",
    ],
    ["with Linkerd", { mesh: { linkerd: {} } }, managed, "none with Linkerd, which has certificates of its own"],
    ["in Cilium's chart", {}, { install: "bundled" }, "managed with Istio"],
    [
      "that somebody else deploys",
      {},
      { install: "external", external: { serverAddress: "spire.corp:443" } },
      "managed with Istio",
    ],
  ])("is refused %s, with the reason", (_, changes, spire, reason) => {
    const found = problems({ ...spire, storage: undefined, images: undefined }, changes);
    expect(found.filter((problem) => problem.startsWith("zero-trust:spire.install "))).toEqual([
      expect.stringContaining(reason) as string,
    ]);
  });

  test("has no policy of a kind that only Cilium brings", () => {
    expect(problems({ ...managed, egressPolicy: true })).toEqual([
      expect.stringMatching(/^zero-trust:spire\.egressPolicy .*: nothing with another mesh/) as string,
    ]);
  });
});

describe("its objects", () => {
  const monitored = { ...managed, monitoring: {}, admissionPolicy: true };

  test("know of no Cilium", () => {
    expect(JSON.stringify([...objectsOf(managed).values()])).not.toMatch(/cilium/i);
    const server = fileOf("ConfigMap spire/spire-server", "server.conf")["server"];
    expect(server).not.toHaveProperty("admin_ids");
    const agent = fileOf("ConfigMap spire/spire-agent", "agent.conf")["agent"];
    expect(agent).not.toHaveProperty("authorized_delegates");
    expect(agent).not.toHaveProperty("admin_socket_path");
    // Nor alerts and panels; the API server still refuses who would pass for a part of Cilium.
    const { "ValidatingAdmissionPolicy spire-registration": policy, ...others } = Object.fromEntries(
      objectsOf(monitored),
    );
    expect(JSON.stringify(others)).not.toMatch(/cilium/i);
    expect(JSON.stringify(policy)).toContain('\\"cilium-operator\\"');
  });

  test("give each pod of the mesh the one identity that Istio takes", () => {
    expect(objectsOf().get("ClusterSPIFFEID mesh")?.["spec"]).toEqual({
      spiffeIDTemplate: "spiffe://{{ .TrustDomain }}/ns/{{ .PodMeta.Namespace }}/sa/{{ .PodSpec.ServiceAccountName }}",
      namespaceSelector: {
        matchExpressions: [
          { key: "kubernetes.io/metadata.name", operator: "In", values: ["billing", "orders", "web"] },
        ],
      },
    });
  });

  test("have a node alias where the user has entries below it, which goes with the last of them", () => {
    const entries = [{ name: "exporter", path: "/exporter", selectors: ["k8s:sa:exporter"] }];
    expect([...objectsOf().keys()].filter((name) => name.startsWith("ClusterStaticEntry "))).toEqual([]);
    const parts = update("on", true, { ...managed, entries }).plan.components.flatMap(({ objects }) => objects);
    const [alias, entry] = ["node-alias", "exporter"].map((name) =>
      parts.find(({ manifest }) => manifest.metadata.name === name),
    );
    expect(alias).toMatchObject({
      keep: false,
      manifest: { spec: { parentID: "spiffe://apps.zt.internal/spire/server" } },
    });
    expect(entry?.manifest["spec"]).toMatchObject({ parentID: "spiffe://apps.zt.internal/ns/spire/sa/spire-agent" });
    expect(problems({ ...managed, entries: entries.map((entry) => ({ ...entry, name: "node-alias" })) })).toHaveLength(
      1,
    );
  });

  test("meet their schemas, as far as there is one here", async () => {
    const entries = [{ name: "a", path: "/a", selectors: ["unix:uid:0"] }];
    const errors = await schemaErrors([...objectsOf({ ...managed, entries }).values()]);
    expect(errors.filter((error) => !error.startsWith("no schema for"))).toEqual([]);
  });
});

describe("the values for istiod's chart", () => {
  const { plan: planned } = update("on", true);
  const { istioValues } = planned.outputs;

  test("name the trust domain, the socket as SPIRE's agent has it, and the template that gives it to proxies by default", () => {
    const socket = fileOf("ConfigMap spire/spire-agent", "agent.conf")["agent"]?.["socket_path"] as string;
    expect(istioValues?.meshConfig).toEqual({
      trustDomain: "apps.zt.internal",
      defaultConfig: { proxyMetadata: { WORKLOAD_IDENTITY_SOCKET_FILE: socket.split("/").at(-1) } },
    });
    const { templates, defaultTemplates } = istioValues?.sidecarInjectorWebhook ?? {};
    expect(defaultTemplates).toEqual(["sidecar", ...Object.keys(templates ?? {})]);
    // The directory that the CSI driver gives is the socket's.
    const driver = JSON.stringify(objectsOf().get("DaemonSet spire/spiffe-csi-driver"));
    expect(driver).toContain(`-workload-api-socket-dir=${socket.split("/").slice(0, -1).join("/")}"`);
    expect(loadYaml(templates?.["spire"] ?? "")).toEqual({
      spec: {
        volumes: [
          { name: "workload-socket", $retainKeys: ["name", "csi"], csi: { driver: "csi.spiffe.io", readOnly: true } },
        ],
      },
    });
  });

  test("are a file of render's, and told beside the mesh", () => {
    const { config } = update("on", true);
    const stack = { name: "apps", from: "on", config, plan: planned, verdicts: [], waivers: [] } as const;
    const file = filesOf(stack).files.find(({ path }) => path === "istio-values.yaml");
    expect(loadYaml(file?.content ?? "")).toEqual(istioValues);
    expect(viewOf(stack, (_, text) => text)).toContain("Istio (sidecar), SPIRE 1.15.3 (managed)");
  });

  test("are not there where istiod signs", () => {
    const config = loadConfig(values({}, { spire: { install: "none" } }), "apps");
    expect(plan(config, {}).outputs).not.toHaveProperty("istioValues");
  });
});

describe("an update", () => {
  const any = fc.record({ from: fc.constantFrom(...origins), auth: fc.boolean(), withEntries: fc.boolean() });
  const planOf = ({ from, auth, withEntries }: { from: Origin; auth: boolean; withEntries: boolean }) =>
    update(
      from,
      auth,
      withEntries ? { ...managed, entries: [{ name: "a", path: "/a", selectors: ["unix:uid:0"] }] } : managed,
    ).plan;

  test("to on has SPIRE before the mesh takes anybody in, and before anybody is denied", () => {
    const { components, recordedAfter, waitsForSpire } = update("off", true).plan;
    expect(components.map(({ name, after }) => `${name} after ${after.join()}`)).toEqual([
      "spire after ",
      "mesh after spire",
      "access-billing after spire,mesh",
      "access-orders after spire,mesh",
    ]);
    expect(recordedAfter).toContain("spire");
    // Pulumi waits for SPIRE's pods; there is no Cilium that would have to be held back.
    expect(waitsForSpire).toBe(false);
  });

  test("to off changes objects, deletes none, depends on nothing of SPIRE's, and is recorded without it", () => {
    fc.assert(
      fc.property(any, (one) => {
        const off = planOf({ ...one, auth: false });
        const on = planOf({ ...one, auth: true });
        const names = ({ components }: typeof off) =>
          components.flatMap(({ objects }) => objects.map(({ name }) => name)).sort();
        expect(names(off)).toEqual(names(on));
        const spire = new Set([
          "spire",
          ...(off.components.find(({ kind }) => kind === "Spire")?.objects ?? []).map(({ name }) => name),
        ]);
        for (const { kind, after, objects } of off.components.filter(({ kind }) => kind !== "Spire")) {
          expect(
            [kind, ...after, ...objects.flatMap(({ after }) => after ?? [])].filter((name) => spire.has(name)),
          ).toEqual([]);
        }
        expect(off.recordedAfter.some((name) => spire.has(name))).toBe(false);
        expect(off.components.at(-1)?.kind).toBe("Spire");
      }),
    );
  });

  test("has cert-manager before the SPIRE whose CA it signs, and last of all on the way off", () => {
    const certificates = { install: "managed", issuers: { ca: { ca: {} } } };
    const signed = {
      ...advised,
      ...managed,
      upstreamAuthority: { certManager: { issuer: "ca", kind: "ClusterIssuer" } },
    };
    const names = (auth: boolean) => {
      const config = loadConfig(values(managed, { auth, certificates, spire: signed }), "apps");
      return plan(config, previousFor("on", config)).components.map(({ name }) => name);
    };
    expect(names(true).slice(0, 3)).toEqual(["certificates", "spire", "mesh"]);
    expect(names(false).slice(-2)).toEqual(["certificates", "spire"]);
  });

  test.each(transitions)("$name is stopped by no guardrail, and by none advised", ({ from, auth }) => {
    const { config, previous, plan } = update(from, auth);
    expect(said(factsOfPlan({ name: "apps", peers: [] }, config, plan, previous))).toEqual([]);
  });

  test("asks the cluster whether somebody else has the CSI driver, which holds up no off, and nothing of Cilium", () => {
    const { config } = update("on", true);
    const look = { reachable: true, identity: config.cluster.identity, cilium: "off" } as const;
    const known = (auth: boolean) =>
      decideKnown({ ...config, auth }, { ...update("on", true).plan.outputs.rollout }, look, false, {
        othersDriver: { writtenBy: "helm" },
      });
    expect(known(true).errors).toEqual([
      expect.stringContaining("CSIDriver csi.spiffe.io is somebody else's") as string,
    ]);
    expect(known(false)).toMatchObject({ errors: [], notes: [expect.stringContaining("csi.spiffe.io") as string] });
    const rights = JSON.stringify([gateRights(config), verifyRights(config)]);
    expect(rights).toContain("csidrivers");
    expect(rights).toContain("clusterspiffeids");
    expect(rights).not.toMatch(/cilium/);
  });
});

const said = (facts: Facts, name?: string) =>
  judge(guardrails, facts).flatMap(({ guardrail, violations }) =>
    name === undefined || guardrail.name === name
      ? violations.map(({ where, message }) => `${guardrail.name}: ${where} ${message}`)
      : [],
  );

describe("the guardrails", () => {
  const facts = (auth = true) => {
    const { config, previous, plan } = update("on", auth);
    return factsOfPlan({ name: "apps", peers: [] }, config, plan, previous);
  };
  const changed = (from: string, to: string): Facts => {
    const json = JSON.stringify(facts().objects);
    expect(json).toContain(from);
    return { ...facts(), objects: JSON.parse(json.replace(from, to)) as Facts["objects"] };
  };

  test("catch policies and marks that do not wait for SPIRE on the way on, or do on the way off", () => {
    const without = { ...facts(), edges: facts().edges.filter(({ to }) => !to.startsWith("spire")) };
    expect(said(without, "order")).toEqual(
      ["access-billing", "access-orders", "mesh"].map(
        (name) => `order: ${name} does not come after spire; write dependsOn: spire`,
      ),
    );
    const off = { ...facts(false), edges: [...facts(false).edges, { from: "access-orders", to: "spire-server" }] };
    expect(said(off, "order")).toEqual([
      expect.stringContaining("access-orders waits for spire on the way off") as string,
    ]);
  });

  test("catch a SPIRE of another trust domain, and rights that nobody needs without Cilium", () => {
    expect(
      said(changed('\\"trust_domain\\": \\"apps.zt.internal\\"', '\\"trust_domain\\": \\"other\\"'), "delegate-wiring"),
    ).toEqual([expect.stringContaining("trust_domain") as string]);
    expect(
      said(
        changed('\\"server\\": {', '\\"server\\": {\\"admin_ids\\": [\\"spiffe://apps.zt.internal/x\\"],'),
        "delegate-wiring",
      ),
    ).toEqual([
      expect.stringContaining(
        'server.admin_ids is ["spiffe://apps.zt.internal/x"], which nobody needs without Cilium; remove it',
      ) as string,
    ]);
  });
});
