import { mkdirSync, writeFileSync } from "node:fs";
import { X509Certificate } from "node:crypto";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { CertManager } from "../../../lab/spire/certManager";
import { runProgram } from "../../../lab/spire/process";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { authoritiesOf, spireObjectsOf } from "./support";

// One life of one server, in the order of the tests, with no more rights than it is given, and cert-manager's part done by the lab.
let cluster: ControlPlane;
let certManager: CertManager;
let spire: Spire;

beforeAll(async () => {
  cluster = await startControlPlane();
  certManager = CertManager.start(cluster, "spire");
  const issuer = ["issuer=spire", "kind=ClusterIssuer"].map((value) => `spire.upstreamAuthority.certManager.${value}`);
  spire = await Spire.start(cluster, spireObjectsOf(...issuer));
});
afterAll(async () => {
  await spire?.stop();
  certManager?.stop();
  await cluster?.stop();
});

const root = () => new X509Certificate(certManager.root).raw.toString("base64");
const prepare = () => spire.command("localauthority", "x509", "prepare", "-output", "json");

test("the server asks the issuer for a CA, and clears the request away", async () => {
  expect(certManager.requests).toMatchObject([
    {
      metadata: { labels: { "cert-manager.spiffe.io/trust-domain": "apps.zt.internal" } },
      spec: {
        issuerRef: { name: "spire", kind: "ClusterIssuer", group: "cert-manager.io" },
        isCA: true,
        usages: ["cert sign", "crl sign"],
        duration: "168h0m0s",
      },
    },
  ]);
  await until("no request is left", () => certManager.pending().length === 0);
});

test("the bundle has the issuer's root alone, and who has it verifies what the server signs", async () => {
  await until("it is published", () => authoritiesOf(spire.publishedBundle()).length > 0);
  expect(authoritiesOf(spire.publishedBundle())).toEqual([root()]);
  const directory = join(spire.directory, "minted");
  mkdirSync(directory);
  const id = "spiffe://apps.zt.internal/shop";
  await spire.command("x509", "mint", "-spiffeID", id, "-write", directory);
  writeFileSync(join(directory, "root.pem"), certManager.root);
  const [svid, authority] = ["svid.pem", "root.pem"].map((file) => join(directory, file)) as [string, string];
  const verify = ["openssl", "verify", "-CAfile", authority, "-untrusted", svid, svid] as const;
  expect(await runProgram(verify)).toMatchObject({ status: 0 });
});

test("the next CA is asked for in the same way, and has the same root", async () => {
  const before = certManager.requests.length;
  const { prepared_authority } = JSON.parse(await prepare()) as { prepared_authority: { authority_id: string } };
  await spire.command("localauthority", "x509", "activate", "-authorityID", prepared_authority.authority_id);
  expect(certManager.requests.length).toBe(before + 1);
  await until("no request is left", () => certManager.pending().length === 0);
  expect(authoritiesOf(spire.publishedBundle())).toEqual([root()]);
});

test("a request that is denied leaves the server with the CA that it has, and is cleared away too", async () => {
  certManager.denies = true;
  await expect(prepare()).rejects.toThrow("request has been denied");
  await until("no request is left", () => certManager.pending().length === 0);
  const directory = join(spire.directory, "still");
  mkdirSync(directory);
  await spire.command("x509", "mint", "-spiffeID", "spiffe://apps.zt.internal/shop", "-write", directory);
});

test("nothing that the server asked of the API server was refused", () => {
  expect(spire.server?.log()).not.toContain("forbidden");
});
