import { expect, test } from "vitest";
import { fileOf, find, manifestOf, objectsWith } from "./planned";

const oidc = ["spire.oidc.domain=oidc.example.com", "spire.oidc.tlsSecret=oidc-tls"];

test("JWT-SVIDs name the issuer that the provider is", () => {
  const issuer = { jwt_issuer: "https://oidc.example.com" };
  expect(fileOf(oidc, "spire-server", "server.conf")).toMatchObject({ server: issuer });
  expect(fileOf(oidc, "spire-oidc", "oidc.conf")).toMatchObject({ ...issuer, domains: ["oidc.example.com"] });
});

test("the provider has the published bundle and its certificate, and nothing of the host, of SPIRE or of the cluster", () => {
  const { template } = manifestOf(oidc, "Deployment spire/spire-oidc")["spec"] as {
    template: { spec: { volumes: object[]; automountServiceAccountToken: boolean } };
  };
  expect(template.spec.automountServiceAccountToken).toBe(false);
  expect(template.spec.volumes).toEqual([
    { name: "config", configMap: { name: "spire-oidc" } },
    { name: "bundle", configMap: { name: "spire-bundle" } },
    { name: "certificate", secret: { secretName: "oidc-tls", defaultMode: 0o440 } },
  ]);
  const roles = objectsWith(oidc).filter(
    ({ manifest: { kind, metadata } }) => /Role/.test(kind) && /oidc/.test(metadata.name),
  );
  expect(roles).toEqual([]);
  expect(manifestOf(oidc, "NetworkPolicy spire/spire-oidc")["spec"]).toMatchObject({
    policyTypes: ["Ingress", "Egress"],
    ingress: [{ ports: [{ port: 8443 }] }],
  });
});

test("it is where the bundle is, also where the agents have a namespace of their own", () => {
  const there = [...oidc, "spire.agentNamespace=spire-agents"];
  expect(fileOf(there, "spire-server", "server.conf")).toBeDefined();
  expect(manifestOf(there, "Deployment spire-agents/spire-oidc")).toBeDefined();
});

test("it comes after the server, which publishes what it reads", () => {
  expect(find(oidc, "Deployment spire/spire-oidc")?.after).toContain("spire-server");
});
