import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { load } from "js-yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import {
  federatedTrustDomainCrd,
  spiffeIdCrd,
  staticEntryCrd,
} from "../../../components/spire/registration/definitions";
import { buildTool, downloadModule } from "../../../tools/go";
import { ciliumAuthPolicyObjects } from "../../../components/access/cilium/policies";
import { istioAuthPolicyObjects } from "../../../components/access/istio/policies";
import { loadConfig } from "../../../config/load";
import { manifestsOf, type KubernetesObject } from "../../../core/util/kubernetes";
import { configOf, root, transitionOf } from "../../support/stacks";
import { plan } from "../../../plan/plan";
import { stackValues } from "../../support/arbitrary";
import { meshIntents } from "../../support/calls";
import fc from "fast-check";

describe("on an API server with Cilium's own CRDs", () => {
  let plane: ControlPlane;
  beforeAll(async () => {
    plane = await startControlPlane();
  });
  afterAll(() => plane?.stop());

  /** What a strict server-side dry run says of objects; empty where it takes them. */
  function refused(objects: readonly KubernetesObject[]): string {
    try {
      plane.kubectl(
        ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename", "-"],
        objects.map((object) => JSON.stringify(object)).join("\n---\n"),
      );
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  }

  test("the commands that render prints for an empty cluster work, one after the other", () => {
    const out = mkdtempSync(join(tmpdir(), "zero-trust-rendered-"));
    try {
      plane.kubectl(["create", "namespace", "orders"]);
      const render = spawnSync("npm", ["run", "-s", "render", "--", "--stack", "apps", "--from", "new", "--out", out], {
        cwd: root,
        encoding: "utf8",
      });
      const commands =
        render.stdout
          .split("Without Pulumi:\n")[1]
          ?.split("\n")
          .filter((line) => line.trim() !== "") ?? [];
      expect(commands.length).toBe(3);
      const kubectl = dirname(buildTool("kubectl"));
      for (const command of commands) {
        const { status, stderr } = spawnSync("sh", ["-c", command], {
          env: { ...process.env, PATH: `${kubectl}:${process.env["PATH"]}`, KUBECONFIG: plane.kubeconfig },
          encoding: "utf8",
        });
        expect([command.trim(), status, stderr]).toEqual([command.trim(), 0, ""]);
      }
      expect(
        plane.kubectl(["get", "statefulset", "spire-server", "--namespace", "spire", "--output", "name"]),
      ).toContain("spire-server");
    } finally {
      rmSync(out, { recursive: true });
    }
  });

  test.each([true, false])(
    "every object of the stacks is taken as it is, unknown fields forbidden, with auth %s",
    (auth) => {
      for (const stack of ["apps", "infra"]) {
        const namespace = stack === "apps" ? "orders" : "registry";
        if (namespace === "registry" && auth) plane.kubectl(["create", "namespace", namespace]);
        expect(refused(manifestsOf(transitionOf(stack, { from: "on", auth }).plan.components))).toBe("");
      }
    },
  );

  test("so are the policies of any intents, whatever their callers, operations and phase", () => {
    plane.kubectl(["create", "namespace", "any"]);
    const policies = fc.sample(stackValues, { numRuns: 40, seed: 7 }).flatMap((values, run) => {
      const config = loadConfig({ ...values, auth: true }, "apps", { directory: root });
      return plan(config, { cilium: "on" }).components.flatMap(({ kind, name, objects }) =>
        kind !== "CiliumAuthPolicy"
          ? []
          : objects.map(({ manifest }, i) => ({
              ...manifest,
              metadata: {
                name: `p${run}-${i}-${name}`.slice(0, 63).replace(/-+$/, ""),
                namespace: "any",
              },
            })),
      );
    });
    expect(policies.length).toBeGreaterThan(40);
    expect(refused(policies)).toBe("");
  });

  test("so are the policies for Istio, by its own CRDs", () => {
    const api = downloadModule("istio.io/api", "v1.31.1", "h1:5Yb5ihcz4YQsCkciusK7DnFpBMwRB6EFWeUKH1Atuyk=");
    const crds = join(api, "kubernetes/customresourcedefinitions.gen.yaml");
    plane.kubectl(["apply", "--server-side", "--filename", crds]);
    plane.kubectl(["wait", "--for=condition=Established", "crd/peerauthentications.security.istio.io"]);
    plane.kubectl(["wait", "--for=condition=Established", "crd/authorizationpolicies.security.istio.io"]);
    plane.kubectl(["create", "namespace", "meshed"]);
    const intents = fc
      .sample(meshIntents, { numRuns: 20, seed: 7 })
      .map((all) => all.map((intent) => ({ ...intent, target: { ...intent.target, namespace: "meshed" } })));
    const trustDomain = "apps.zt.internal";
    const objects = (["observe", "allow", "require"] as const).flatMap((phase) =>
      intents.flatMap((intents) =>
        istioAuthPolicyObjects("access", { namespace: "meshed", phase, intents, trustDomain }),
      ),
    );
    expect(objects.length).toBeGreaterThan(100);
    expect(refused(objects.map(({ manifest }) => manifest))).toBe("");
    const strange = { ...objects[0]!.manifest, spec: { action: "ALLOW", rulez: [] } };
    expect(refused([strange])).toContain("rulez");
  });

  test("so are the waypoint of an ambient mesh, by the Gateway API's own CRDs, and its policies", () => {
    const istio = downloadModule("istio.io/api", "v1.31.1", "h1:5Yb5ihcz4YQsCkciusK7DnFpBMwRB6EFWeUKH1Atuyk=");
    const api = downloadModule("sigs.k8s.io/gateway-api", "v1.6.3", "h1:lKpJa5bGlraC/QeACvCpsHLdmO6y0iKfzVl6gzaFEYc=");
    const crds = [
      join(istio, "kubernetes/customresourcedefinitions.gen.yaml"),
      join(api, "config/crd/standard/gateway.networking.k8s.io_gateways.yaml"),
    ];
    for (const file of crds) plane.kubectl(["apply", "--server-side", "--filename", file]);
    for (const crd of [
      "gateways.gateway.networking.k8s.io",
      "authorizationpolicies.security.istio.io",
      "peerauthentications.security.istio.io",
    ])
      plane.kubectl(["wait", "--for=condition=Established", `crd/${crd}`]);
    plane.kubectl(["create", "namespace", "ambient"]);
    const target = { namespace: "ambient", selector: { app: "api" }, service: { name: "api", port: 80 } };
    const callers = [{ namespace: "web", serviceAccount: "frontend" }];
    const operations = [{ methods: ["GET" as const], paths: [{ prefix: "/v1" }] }];
    const intents = [{ name: "api", target, port: 8080, callers, operations }];
    const objects = (["observe", "allow", "require"] as const).flatMap((phase) =>
      istioAuthPolicyObjects("access", {
        namespace: "ambient",
        phase,
        intents,
        trustDomain: "apps.zt.internal",
        waypoint: "waypoint",
      }),
    );
    const kinds = objects.map(({ manifest }) => manifest.kind);
    expect(kinds).toContain("Gateway");
    expect(refused(objects.map(({ manifest }) => manifest))).toBe("");
    const gateway = objects.find(({ manifest }) => manifest.kind === "Gateway") ?? expect.fail();
    const strange = JSON.parse(JSON.stringify(gateway.manifest).replace('"HBONE"', '"H BONE"')) as KubernetesObject;
    expect(refused([strange])).toContain("protocol");
  });

  test("a mode that Cilium has not, and a misspelt field, are refused there", () => {
    const [{ manifest } = expect.fail()] = ciliumAuthPolicyObjects("access", {
      namespace: "orders",
      phase: "require",
      intents: configOf("apps").access,
    });
    const changed = (from: string, to: string) =>
      JSON.parse(JSON.stringify(manifest).replace(from, to)) as KubernetesObject;
    expect(refused([changed('"required"', '"mandatory"')])).toContain("authentication.mode");
    expect(refused([changed('"authentication"', '"authentcation"')])).toContain("authentcation");
  });

  describe("our CRDs take and refuse what spire-controller-manager's own do:", () => {
    const source = downloadModule(
      "github.com/spiffe/spire-controller-manager",
      "v0.6.2",
      "h1:YJb+LcmpcckwoSLv6rX64wuND7f011nPJzyP2IX1gKY=",
    );
    const entry = { spiffeID: "spiffe://a.b/c", parentID: "spiffe://a.b/d", selectors: ["k8s:ns:e"] };
    const rest = { dnsNames: ["a"], hint: "x", admin: true, downstream: false };
    const id = { spiffeIDTemplate: "spiffe://a.b/c" };
    const peer = { trustDomain: "c.d", bundleEndpointURL: "https://c.d", bundleEndpointProfile: { type: "https_web" } };
    const some = { matchExpressions: [{ key: "a", operator: "In", values: ["b"] }], matchLabels: { c: "d" } };

    test.each<[kind: string, crd: KubernetesObject, taken: object[], refused: object[]]>([
      [
        "ClusterStaticEntry",
        staticEntryCrd(),
        [
          entry,
          { ...entry, ...rest, x509SVIDTTL: "1h", jwtSVIDTTL: "5m", storeSVID: true },
          { ...entry, federatesWith: ["c.d"], className: "x" },
        ],
        [
          {},
          { ...entry, selectors: undefined },
          { ...entry, selectors: "k8s:ns:e" },
          { ...entry, parentID: 1 },
          { ...entry, x509SVIDTTL: 3600 },
          { ...entry, admin: "true" },
          { ...entry, ttl: "1h" },
          { ...entry, dnsNames: [1] },
        ],
      ],
      [
        "ClusterSPIFFEID",
        spiffeIdCrd(),
        [
          id,
          { ...id, podSelector: some, namespaceSelector: some, ttl: "1h", jwtTtl: "5m", autoPopulateDNSNames: true },
          { ...id, dnsNameTemplates: ["a"], workloadSelectorTemplates: ["k8s:ns:a"], federatesWith: ["c.d"] },
          { ...id, admin: true, downstream: false, fallback: true, hint: "x", className: "y" },
        ],
        [
          {},
          { ...id, podSelector: { matchExpressions: [{ key: "a" }] } },
          { ...id, namespaceSelector: { matchNames: ["a"] } },
          { ...id, namespaceSelector: { matchLabels: { a: 1 } } },
          { ...id, ttl: 3600 },
          { ...id, dnsNameTemplates: "a" },
          { ...id, fallback: "true" },
          { ...id, ttls: "1h" },
        ],
      ],
      [
        "ClusterFederatedTrustDomain",
        federatedTrustDomainCrd(),
        [
          peer,
          { ...peer, trustDomainBundle: "{}", className: "x" },
          { ...peer, bundleEndpointProfile: { type: "https_spiffe", endpointSPIFFEID: "spiffe://c.d/e" } },
        ],
        [
          {},
          { ...peer, trustDomain: "C" },
          { ...peer, bundleEndpointURL: undefined },
          { ...peer, bundleEndpointProfile: { type: "http" } },
          { ...peer, bundleEndpointProfile: { endpointSPIFFEID: "spiffe://c.d/e" } },
          { ...peer, trustDomainBundle: {} },
          { ...peer, bundle: "{}" },
        ],
      ],
    ])("%s", (kind, crd, taken, refusedOnes) => {
      const { name } = crd.metadata;
      const file = `config/crd/bases/spire.spiffe.io_${name.split(".")[0]}.yaml`;
      const original = load(readFileSync(join(source, file), "utf8")) as KubernetesObject;
      const verdicts = () =>
        [...taken, ...refusedOnes].map(
          (spec) => refused([{ apiVersion: "spire.spiffe.io/v1alpha1", kind, metadata: { name: "x" }, spec }]) === "",
        );
      const apply = (crd: KubernetesObject) => {
        plane.kubectl(["apply", "--server-side", "--force-conflicts", "--filename", "-"], JSON.stringify(crd));
        plane.kubectl(["wait", "--for", "condition=Established", `crd/${name}`, "--timeout", "30s"]);
      };
      apply(crd);
      const ours = verdicts();
      plane.kubectl(["delete", "crd", name]);
      apply(original);
      expect(ours).toEqual(verdicts());
      expect(ours).toEqual([...taken.map(() => true), ...refusedOnes.map(() => false)]);
    });
  });
});
