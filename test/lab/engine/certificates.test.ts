import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { loadAll } from "js-yaml";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { certManagerModule, installDefinitions } from "../../../lab/certManager";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { buildTool } from "../../../tools/go";
import { describeObject, type KubernetesObject } from "../../../core/util/kubernetes";
import { planned, spireBelow, withCertificates } from "../../components/certificates/fixture";

const root = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----";
const everything = [withCertificates({ trust: { roots: [root] }, approval: true }), ...spireBelow];

describe("on an API server with the CRDs of cert-manager, approver-policy and trust-manager", () => {
  let plane: ControlPlane;
  beforeAll(async () => {
    plane = await startControlPlane();
    installDefinitions(plane);
    for (const namespace of ["cert-manager", "team-backend", "shop", "billing"])
      plane.kubectl(["create", "namespace", namespace]);
  });
  afterAll(() => plane?.stop());

  /** What a strict server-side dry run says of objects; empty where it takes them. */
  function refused(objects: readonly KubernetesObject[], ...more: readonly string[]): string {
    try {
      plane.kubectl(
        ["apply", "--server-side", "--dry-run=server", "--validate=strict", "--filename", "-", ...more],
        objects.map((object) => JSON.stringify(object)).join("\n---\n"),
      );
      return "";
    } catch (error) {
      return (error as Error).message;
    }
  }

  test.each(["managed", "external"])(
    "every object is taken as it is, unknown fields forbidden, with cert-manager %s",
    (install) => {
      const [certificates = "", ...spire] = everything;
      const assignments =
        install === "managed"
          ? [certificates, ...spire]
          : [withCertificates({ install, trust: {}, approval: true }), ...spire];
      const objects = planned(assignments).objects.map(({ manifest }) => manifest);
      expect(objects.length).toBeGreaterThan(20);
      expect(refused(objects, "--force-conflicts")).toBe("");
    },
  );

  test("a misspelt field and a key of another kind are refused there", () => {
    const changed = (name: string, from: string, to: string) => {
      const found =
        planned(everything).objects.find(({ manifest }) => describeObject(manifest) === name) ?? expect.fail(name);
      const json = JSON.stringify(found.manifest);
      expect(json).toContain(from);
      return refused([JSON.parse(json.replace(from, to)) as KubernetesObject]);
    };
    expect(changed("Certificate team-backend/backend-service-tls", '"dnsNames"', '"dnsnames"')).toContain("dnsnames");
    expect(changed("Certificate team-backend/backend-service-tls", '"ECDSA"', '"EC"')).toContain(
      "spec.privateKey.algorithm",
    );
    expect(changed("ClusterIssuer letsencrypt", '"hostedZoneID"', '"hostedZoneId"')).toContain("hostedZoneId");
    expect(changed("CertificateRequestPolicy zero-trust-spire", '"isCA"', '"isca"')).toContain("isca");
    expect(changed("Bundle zero-trust-roots", '"inLine"', '"inline"')).toContain("inline");
  });

  test("cert-manager's pods, as its chart makes them with our values, meet what its namespace enforces", () => {
    const { release, objects } = planned(everything);
    const namespace = objects.find(({ manifest }) => manifest.kind === "Namespace")?.manifest ?? expect.fail();
    plane.kubectl(["apply", "--server-side", "--force-conflicts", "--filename", "-"], JSON.stringify(namespace));
    const chart = chartObjects(release?.args.values ?? expect.fail());
    const pods = chart.flatMap(({ kind, metadata, spec }) => {
      const { template } = (spec ?? {}) as { template?: { metadata: object; spec: object } };
      const { serviceAccountName: _, ...pod } = (template?.spec ?? {}) as { serviceAccountName?: string };
      const of = { apiVersion: "v1", kind: "Pod", metadata: { name: metadata.name, namespace: "cert-manager" } };
      return kind === "Deployment" || kind === "Job" ? [{ ...of, spec: { restartPolicy: "Always", ...pod } }] : [];
    });
    expect(pods.map(({ metadata }) => metadata.name)).toEqual([
      "cert-manager-cainjector",
      "cert-manager",
      "cert-manager-webhook",
      "cert-manager-startupapicheck",
    ]);
    // Without its account, which is not made in a dry run.
    plane.kubectl(["create", "serviceaccount", "default", "--namespace", "cert-manager"]);
    expect(refused(pods)).toBe("");
    const privileged = { securityContext: { privileged: true }, name: "a", image: "a" };
    expect(refused(pods.map((pod) => ({ ...pod, spec: { containers: [privileged] } })))).toContain("restricted");
  });
});

describe("cert-manager's chart", () => {
  interface Pod {
    readonly serviceAccountName: string;
    readonly containers: readonly { readonly args: readonly string[] }[];
  }
  /** The controller's pod and its configuration, where it has one. */
  function controllerOf(assignments: readonly string[]) {
    const objects = chartObjects(planned(assignments).release?.args.values ?? expect.fail());
    const find = (name: string) => objects.find((object) => describeObject(object) === name);
    const { spec } = find("Deployment cert-manager/cert-manager") as unknown as { spec: { template: { spec: Pod } } };
    const { data = {} } = (find("ConfigMap cert-manager/cert-manager") ?? {}) as { data?: Record<string, string> };
    return { objects, pod: spec.template.spec, config: data["config.yaml"] ?? "" };
  }
  const plain = [withCertificates({ issuers: {}, workloads: [] })];

  test("has its CRDs with the mark that lets them outlive it", () => {
    const crds = controllerOf(plain).objects.filter(({ kind }) => kind === "CustomResourceDefinition");
    expect(crds).toHaveLength(6);
    for (const { metadata } of crds) expect(metadata.annotations?.["helm.sh/resource-policy"]).toBe("keep");
  });

  test("approves nothing where somebody else does, and knows of Gateways where a solver needs them", () => {
    const approver = "--controllers=-certificaterequests-approver";
    const [with_, without] = [controllerOf(everything), controllerOf(plain)];
    expect(with_.pod.containers[0]?.args).toContain(approver);
    expect(with_.config).toContain("enableGatewayAPI: true");
    expect(without.pod.containers[0]?.args).not.toContain(approver);
    expect(without.config).toBe("");
  });

  test("gives its controller the account that our rights are for", () => {
    expect(controllerOf(everything).pod.serviceAccountName).toBe("cert-manager");
  });
});

/** What cert-manager's chart makes of values. */
function chartObjects(values: object): KubernetesObject[] {
  const chart = join(certManagerModule(), "deploy/charts/cert-manager");
  const { stdout, stderr, status } = spawnSync(
    buildTool("helm"),
    ["template", "cert-manager", chart, "--namespace", "cert-manager", "--kube-version", "1.34", "--values", "-"],
    { input: JSON.stringify(values), encoding: "utf8", maxBuffer: 1 << 28 },
  );
  expect([status, stderr]).toEqual([0, ""]);
  return (loadAll(stdout) as (KubernetesObject | null)[]).filter((object) => object !== null);
}
