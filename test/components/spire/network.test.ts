import { describe, expect, test } from "vitest";
import { plan } from "../../../plan/plan";
import { previousFor } from "../../../plan/origins";
import { configOf, helm } from "../../support/stacks";
import { find, manifestOf, objectsWith } from "./planned";
import { authorities, keyManagers } from "./plugins";

const name = "CiliumNetworkPolicy spire/spire-server-egress";
const closed = "spire.egressPolicy=true";
const apiServer = { toEntities: ["kube-apiserver"] };

interface Rule {
  readonly toEntities?: readonly string[];
  readonly toCIDR?: readonly string[];
  readonly toEndpoints?: readonly { matchLabels: Record<string, string> }[];
  readonly toPorts?: readonly { ports: readonly { port: string; protocol: string }[] }[];
}
const egress = (...assignments: string[]) =>
  (manifestOf([closed, ...assignments], name)["spec"] as { egress: readonly Rule[] }).egress;
/** Ports that are let through wherever they are. */
const anywhere = (rules: readonly Rule[]) =>
  rules
    .filter(({ toPorts, ...to }) => toPorts && Object.keys(to).length === 0)
    .flatMap(({ toPorts = [] }) => toPorts.flatMap(({ ports }) => ports.map(({ port }) => port)));
const namespaces = (rules: readonly Rule[]) =>
  rules.flatMap(({ toEndpoints = [] }) => toEndpoints.flatMap(({ matchLabels }) => Object.values(matchLabels)));

const federated = [
  "trustDomain=infra.zt.internal",
  "endpoint=https://spire.infra.example.com:9443",
  "profile=https_web",
];

describe("whom SPIRE's servers may call", () => {
  test("is everybody, unless the configuration says otherwise", () => {
    expect(find([], name)).toBeUndefined();
  });

  test("is the API server and nobody else, where nothing else is configured, for the servers' pods alone, without a demand for authentication", () => {
    expect(manifestOf([closed], name)["spec"]).toEqual({
      description: expect.any(String) as string,
      endpointSelector: { matchLabels: { "app.kubernetes.io/name": "spire-server" } },
      egress: [apiServer],
    });
    expect(egress("spire.upstreamAuthority.certManager.issuer=spire")).toEqual([apiServer]);
    expect(egress("spire.upstreamAuthority.disk.secret=upstream-ca")).toEqual([apiServer]);
  });

  test.each([
    ["a database", ["spire.datastore.postgres.address=db.example.com:6432"], ["6432"]],
    ["another", ["spire.datastore.mysql.address=10.1.2.3:3306"], ["3306"]],
    ["a peer", federated.map((value) => `spire.federation.with[0].${value}`), ["9443"]],
    [
      "a Vault",
      ["spire.upstreamAuthority.vault.address=https://vault.example.com", "spire.upstreamAuthority.vault.role=spire"],
      ["443"],
    ],
  ])("is %s that is configured too, at its port, and the DNS that knows its name", (_, assignments, ports) => {
    expect(egress(...assignments)[0]).toEqual(apiServer);
    expect(anywhere(egress(...assignments))).toEqual(["53", "5353", ...ports]);
    expect(namespaces(egress(...assignments))).toEqual([]);
  });

  test("is each pod of a namespace whose Service is configured, since its pods may have another port than the Service", () => {
    const vault = ["address=https://vault.vault.svc:8200", "role=spire"].map(
      (value) => `spire.keyManager.vault.${value}`,
    );
    const rules = egress("spire.datastore.postgres.address=pg-0.pg.databases.svc.cluster.local:5432", ...vault);
    expect(namespaces(rules)).toEqual(["databases", "vault"]);
    expect(anywhere(rules)).toEqual(["53", "5353", "5432", "8200"]);
  });

  test("is a cloud where that signs or keeps keys, and who says there who a pod is", () => {
    const rules = egress("spire.keyManager.awsKms.region=eu-central-1");
    expect(anywhere(rules)).toEqual(["53", "5353", "443"]);
    expect(rules.filter(({ toCIDR, toEntities }) => toCIDR ?? toEntities)).toMatchObject([
      apiServer,
      { toCIDR: ["169.254.0.0/16"], toPorts: [{ ports: [{ port: "80" }] }] },
      { toEntities: ["host"], toPorts: [{ ports: [{ port: "80" }] }] },
    ]);
  });

  test.each([...authorities, ...keyManagers])("is whom the plugin for $name calls", ({ assignments, plugin }) => {
    const [[type, { plugin_data }]] = Object.entries(plugin) as [[string, { plugin_data: { vault_addr?: string } }]];
    const port = plugin_data.vault_addr === undefined ? "443" : new URL(plugin_data.vault_addr).port;
    const callsNobody = ["disk", "memory", "cert-manager"].includes(type);
    expect(anywhere(egress(...assignments))).toEqual(callsNobody ? [] : ["53", "5353", port]);
  });

  test("is judged once Cilium is there: the update that installs Cilium says so, and the next one has the policy", () => {
    const config = configOf("apps", closed, ...helm);
    const made = (previous: Parameters<typeof plan>[1]) => {
      const { components, notes } = plan(config, previous);
      const names = components.flatMap(({ objects }) => objects.map(({ manifest }) => manifest.metadata.name));
      return [names.includes("spire-server-egress"), notes.join().includes("spire.egressPolicy takes effect")];
    };
    expect(made({})).toEqual([false, true]);
    expect(made(previousFor("on", config))).toEqual([true, false]);
  });

  test("holds up nothing of SPIRE's: no object waits for it", () => {
    const planned = objectsWith([closed]);
    const own = planned.find(({ manifest }) => manifest.metadata.name === "spire-server-egress")?.name ?? "";
    expect(planned.filter(({ after }) => after.includes(own))).toEqual([]);
  });
});

test("an address that is none is refused, and not taken for one", () => {
  const vault = (address: string) => () =>
    configOf("apps", `spire.upstreamAuthority.vault.address=${address}`, "spire.upstreamAuthority.vault.role=spire");
  for (const address of ["https://[", "https://vault:99999", "http://vault.vault.svc:8200"])
    expect(vault(address)).toThrow("zero-trust:spire.upstreamAuthority.vault.address");
});
