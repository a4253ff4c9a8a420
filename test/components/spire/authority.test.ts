import { describe, expect, test } from "vitest";
import { fileOf, find, manifestOf } from "./planned";
import { problemOf } from "../../support/stacks";
import { authorities, keyManagers } from "./plugins";

const pluginOf = (assignments: readonly string[], type: string): unknown =>
  (fileOf(assignments, "spire-server", "server.conf") as { plugins: Record<string, unknown[]> }).plugins[type]?.[0];
interface Pod {
  metadata: { labels: Record<string, string> };
  spec: { volumes: { name: string }[]; containers: { volumeMounts: { mountPath: string }[] }[] };
}
const podOf = (assignments: readonly string[]) =>
  (manifestOf(assignments, "StatefulSet spire/spire-server")["spec"] as { template: Pod }).template;

/** Each directory that a plugin reads from is mounted. */
function expectMounted(assignments: readonly string[], plugin: unknown): void {
  const mounted = podOf(assignments).spec.containers[0]?.volumeMounts.map(({ mountPath }) => mountPath) ?? [];
  for (const [path] of JSON.stringify(plugin).matchAll(/(?<=")\/[^"]+(?=")/g))
    expect(mounted).toContain(path.slice(0, path.lastIndexOf("/")));
}

describe("the authority that signs the servers' CAs", () => {
  test.each(authorities)("is $name's, as the plugin wants to be told", ({ assignments, plugin }) => {
    expect(pluginOf(assignments, "UpstreamAuthority")).toEqual(plugin);
    expectMounted(assignments, plugin);
  });

  test("is the server itself without one", () => {
    expect(pluginOf([], "UpstreamAuthority")).toBeUndefined();
  });

  test("is asked for by cert-manager's requests in SPIRE's namespace, for which the server has the right there and nowhere else", () => {
    const certManager = ["spire.upstreamAuthority.certManager.issuer=spire"];
    expect(manifestOf(certManager, "Role spire/spire-certificates")["rules"]).toEqual([
      {
        apiGroups: ["cert-manager.io"],
        resources: ["certificaterequests"],
        verbs: ["create", "get", "list", "delete"],
      },
    ]);
    expect(manifestOf(certManager, "RoleBinding spire/spire-certificates")).toMatchObject({
      roleRef: { kind: "Role", name: "spire-certificates" },
      subjects: [{ kind: "ServiceAccount", name: "spire-server", namespace: "spire" }],
    });
    expect(find([], "Role spire/spire-certificates")).toBeUndefined();
  });
});

describe("the keys with which a server signs", () => {
  test.each(keyManagers)("are in $name, as the plugin wants to be told", ({ assignments, plugin }) => {
    expect(pluginOf(assignments, "KeyManager")).toEqual(plugin);
    expectMounted(assignments, plugin);
  });

  test.each([
    ["eks.amazonaws.com/role-arn", "awsKms", ["region=eu-central-1", "roleArn=arn:aws:iam::123456789012:role/spire"]],
    [
      "iam.gke.io/gcp-service-account",
      "gcpKms",
      ["keyRing=projects/a/locations/b/keyRings/c", "serviceAccount=spire@a.iam.gserviceaccount.com"],
    ],
    [
      "azure.workload.identity/client-id",
      "azureKeyVault",
      ["uri=https://spire.vault.azure.net/", "clientId=12345678-1234-1234-1234-123456789012"],
    ],
  ])("are reached as who the cloud knows by %s", (annotation, plugin, values) => {
    const assignments = values.map((value) => `spire.keyManager.${plugin}.${value}`);
    const { metadata } = manifestOf(assignments, "ServiceAccount spire/spire-server");
    expect(values[1]).toBe(`${values[1]?.split("=")[0]}=${metadata.annotations?.[annotation]}`);
    expect(podOf(assignments).metadata.labels["azure.workload.identity/use"]).toBe(
      plugin === "azureKeyVault" ? "true" : undefined,
    );
  });
});

describe("the configuration", () => {
  const awsKms = ["spire.keyManager.awsKms.region=eu-central-1"];

  test("names one authority and one place for the keys", () => {
    expect(problemOf("spire.keyManager.memory={}", ...awsKms)).toContain(
      "one of memory, awsKms, gcpKms, azureKeyVault, vault",
    );
    expect(problemOf("spire.upstreamAuthority={}")).toContain("one of certManager, vault, disk, awsPca");
  });

  test("keeps keys in memory only below an authority that outlives them", () => {
    expect(problemOf("spire.keyManager.memory={}")).toContain("or an upstreamAuthority");
    expect(problemOf("spire.keyManager.memory={}", "spire.upstreamAuthority.disk.secret=ca")).toBe("none");
  });

  test("keeps keys in Vault with no SPIRE that does not know it", () => {
    const vault = ["spire.keyManager.vault.address=https://vault:8200", "spire.keyManager.vault.role=spire"];
    expect(problemOf(...vault)).toBe("none");
    expect(problemOf(...vault, "spire.version=1.14.1")).toContain("below 1.15");
  });

  test("gives the one service account one role", () => {
    const arn = "arn:aws:iam::123456789012:role/";
    const pca = [
      "region=eu-central-1",
      "certificateAuthorityArn=arn:aws:acm-pca:eu-central-1:123456789012:certificate-authority/a",
      `roleArn=${arn}a`,
    ].map((value) => `spire.upstreamAuthority.awsPca.${value}`);
    expect(problemOf(...awsKms, ...pca, `spire.keyManager.awsKms.roleArn=${arn}b`)).toContain("there is one account");
    expect(problemOf(...awsKms, ...pca, `spire.keyManager.awsKms.roleArn=${arn}a`)).toBe("none");
  });

  test("has nothing in it that SPIRE would read as a variable, where a database's password is one", () => {
    const mysql = "spire.datastore.mysql.address=db:3306";
    for (const value of ["https://vault:8200/$HOME", "https://vault/${DATASTORE_PASSWORD}", "http://vault"])
      expect(
        problemOf(mysql, `spire.keyManager.vault.address=${value}`, "spire.keyManager.vault.role=spire"),
      ).toContain("zero-trust:spire.keyManager.vault.address");
  });
});
