import { describe, expect, test } from "vitest";
import { filesOf } from "../../../cli/lib/files";
import { certificateObjects } from "../../../components/certificates/objects";
import { loadConfig } from "../../../config/load";
import { describeObject } from "../../../core/util/kubernetes";
import { previousFor } from "../../../plan/origins";
import { plan } from "../../../plan/plan";
import { types } from "../../../components/types";
import { factsOfPlan } from "../../../policy/facts/facts";
import { judge } from "../../../policy/rules/guardrail";
import { guardrails } from "../../../policy/guardrails";

const load = (linkerd: object = {}, certificates: object = {}, mesh: object = { linkerd: {} }) =>
  loadConfig(
    {
      auth: true,
      trustDomain: "apps.zt.internal",
      cluster: {
        name: "apps",
        context: "apps",
        identity: "00000000-0000-0000-0000-000000000000",
        kubernetes: "1.34",
      },
      mesh,
      spire: { install: "none" },
      rollout: { phases: { orders: "require" }, greenfield: ["orders"] },
      certificates: { install: "external", approval: true, linkerd, ...certificates },
    },
    "apps",
  );
const planOf = (...args: Parameters<typeof load>) => {
  const config = load(...args);
  const previous = previousFor("new", config);
  return { config, previous, update: plan(config, previous) };
};
const planned = (...args: Parameters<typeof load>) =>
  certificateObjects("certificates", planOf(...args).config.certificates!).objects;
const specOf = (name: string, ...args: Parameters<typeof load>) =>
  planned(...args).find(({ manifest }) => describeObject(manifest) === name)?.manifest["spec"] ?? expect.fail(name);
const selfSigned = { name: "linkerd-trust-anchor-selfsigned", kind: "ClusterIssuer", group: "cert-manager.io" };

describe("Linkerd's roots", () => {
  test("are anchors that sign themselves for ten years and keep their key, on the one curve that Linkerd takes", () => {
    expect(specOf("Certificate cert-manager/linkerd-trust-anchor-first")).toEqual({
      isCA: true,
      commonName: "root.linkerd.cluster.local",
      secretName: "linkerd-trust-anchor-first",
      duration: "87600h",
      privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Never" },
      usages: ["cert sign", "crl sign"],
      issuerRef: selfSigned,
    });
  });

  test("sign an issuer of two days in Linkerd's namespace, with the names that its chart and its controller look for", () => {
    expect(
      specOf("Certificate mesh/linkerd-identity-issuer", { namespace: "mesh" }, { clusterDomain: "corp" }),
    ).toEqual({
      isCA: true,
      commonName: "identity.mesh.corp",
      dnsNames: ["identity.mesh.corp"],
      secretName: "linkerd-identity-issuer",
      duration: "48h",
      renewBefore: "25h",
      privateKey: { algorithm: "ECDSA", size: 256, rotationPolicy: "Always" },
      usages: ["cert sign", "crl sign", "server auth", "client auth"],
      issuerRef: { ...selfSigned, name: "linkerd-trust-anchor-first" },
    });
  });

  test("are given to Linkerd's namespace alone by trust-manager, all of them, as the ConfigMap that proxies read", () => {
    expect(specOf("Bundle linkerd-identity-trust-roots", { anchors: ["a", "b"] })).toEqual({
      sources: ["a", "b"].map((name) => ({ secret: { name: `linkerd-trust-anchor-${name}`, key: "tls.crt" } })),
      target: {
        configMap: { key: "ca-bundle.crt" },
        namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "linkerd" } },
      },
    });
  });

  test("are several where one follows another, of which one signs: the first, or the one that is named", () => {
    const signedBy = (linkerd: object) =>
      (specOf("Certificate linkerd/linkerd-identity-issuer", linkerd) as { issuerRef: { name: string } }).issuerRef
        .name;
    expect(signedBy({ anchors: ["a", "b"] })).toBe("linkerd-trust-anchor-a");
    expect(signedBy({ anchors: ["a", "b"], signer: "b" })).toBe("linkerd-trust-anchor-b");
  });

  test("come in an order in which each has what signs it, and stay when they leave the configuration", () => {
    const objects = planned({ anchors: ["a", "b"] }).filter(({ name }) => name.startsWith("certificates-linkerd-"));
    for (const [i, { after, keep }] of objects.entries()) {
      expect(after).toEqual(expect.arrayContaining(objects.slice(0, i).map(({ name }) => name)));
      expect(keep).toBe("retained");
    }
    expect(objects.map(({ name }) => name.replace("certificates-linkerd-", ""))).toEqual([
      "selfsigned",
      "anchor-a",
      "anchor-a-issuer",
      "anchor-b",
      "anchor-b-issuer",
      "issuer",
      "roots",
    ]);
  });

  test("may be asked for by nobody else where approver-policy approves", () => {
    const { manifest } =
      planned().find(({ manifest }) => manifest.metadata.name === "zero-trust-linkerd-issuer-first") ??
      expect.fail("no policy");
    expect(manifest["spec"]).toEqual({
      allowed: {
        isCA: true,
        usages: ["cert sign", "crl sign", "server auth", "client auth"],
        commonName: { value: "identity.linkerd.cluster.local", required: true },
        dnsNames: { values: ["identity.linkerd.cluster.local"], required: true },
      },
      constraints: { maxDuration: "48h", privateKey: { algorithm: "ECDSA", minSize: 256, maxSize: 256 } },
      selector: {
        issuerRef: { ...selfSigned, name: "linkerd-trust-anchor-first" },
        namespace: { matchNames: ["linkerd"] },
      },
    });
    expect(specOf("CertificateRequestPolicy zero-trust-linkerd-anchors")).toMatchObject({
      selector: { issuerRef: selfSigned, namespace: { matchNames: ["cert-manager"] } },
    });
  });

  test("are told to Linkerd's chart by values, as an output and as a file of render", () => {
    const { config, update } = planOf();
    const values = { identity: { externalCA: true, issuer: { scheme: "kubernetes.io/tls" } } };
    expect(update.outputs.linkerdValues).toEqual(values);
    const { files } = filesOf({ name: "apps", from: "new", config, plan: update, verdicts: [], waivers: [] });
    expect(files.find(({ path }) => path === "linkerd-values.yaml")?.content).toContain("externalCA: true");
  });

  test("are no guardrail's concern as they are made", () => {
    const { config, previous, update } = planOf({ anchors: ["a", "b"] });
    const verdicts = judge(guardrails, factsOfPlan({ name: "apps", peers: [] }, config, update, previous));
    expect(verdicts.flatMap(({ violations }) => violations.map(({ where, message }) => `${where} ${message}`))).toEqual(
      [],
    );
  });

  test("change with no flag, are recorded, and are waited for by nothing", () => {
    const { config, update } = planOf({ anchors: ["a", "b"] });
    const { state } = previousFor("on", config);
    const off = plan({ ...config, auth: false }, { ...(state ? { state } : {}) });
    const certificatesOf = ({ components }: typeof off) =>
      components.find(({ kind }) => kind === "Certificates")?.objects;
    expect(certificatesOf(off)).toEqual(certificatesOf(update));
    expect(off.outputs.rollout.anchors).toEqual({ trusted: ["a", "b"], signer: "a" });
    expect(off.components.flatMap(({ after }) => after)).not.toContain("certificates");
    expect(off.recordedAfter).not.toContain("certificates");
  });

  test("are those that are committed", async () => {
    const graph = planOf({ anchors: ["first", "second"] })
      .update.components.filter(({ kind }) => kind === "Certificates")
      .map(({ kind, ...component }) => ({ type: types[kind], ...component }));
    await expect(`${JSON.stringify(graph, null, 2)}\n`).toMatchFileSnapshot("../../golden/linkerd-certificates.json");
  });

  test.each([
    [
      {},
      {},
      { istio: { pathNormalization: "MERGE_SLASHES" } },
      /certificates\.linkerd [^]*: nothing without mesh\.linkerd/,
    ],
    [{ signer: "c" }, {}, undefined, /certificates\.linkerd\.signer [^]*one of its anchors: first/],
    [{ anchors: [] }, {}, undefined, /certificates\.linkerd\.anchors [^]*one or more names/],
    [{ anchors: ["a", "a"] }, {}, undefined, /certificates\.linkerd\.anchors [^]*each once/],
    [{ namespace: "cert-manager" }, {}, undefined, /certificates\.linkerd\.namespace/],
    [{}, { trust: { name: "linkerd-identity-trust-roots", roots: [] } }, undefined, /certificates\.trust\.name/],
    [{}, { issuers: { "linkerd-trust-anchor-x": { ca: {} } } }, undefined, /issuers\.linkerd-trust-anchor-x/],
  ])("are refused as %j beside %j", (linkerd, certificates, mesh, says) => {
    expect(() => load(linkerd, certificates, mesh)).toThrow(says);
  });
});
