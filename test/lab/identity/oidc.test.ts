import { createPublicKey, verify, type JsonWebKey } from "node:crypto";
import { request } from "node:https";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Authority } from "../../../lab/certificates";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { freePorts } from "../../../lab/ports";
import { startProcess, tail, type Process } from "../../../lab/spire/process";
import { replace } from "../../../lab/spire/replacements";
import { Spire } from "../../../lab/spire/spire";
import { answers, until } from "../../../lab/until";
import { buildTool } from "../../../tools/go";
import { spireObjectsOf } from "./support";

const domain = "oidc.example.com";
let cluster: ControlPlane;
let spire: Spire;
let provider: Process;
let port: number;
const authority = new Authority();

beforeAll(async () => {
  cluster = await startControlPlane();
  spire = await Spire.start(cluster, spireObjectsOf(`spire.oidc.domain=${domain}`, "spire.oidc.tlsSecret=oidc-tls"));
  const [https = 0, health = 0] = await freePorts(2);
  port = https;
  const own = authority.issue({ commonName: domain, names: [domain] });
  const configuration = replace(spire.file("spire-oidc", "oidc.conf"), {
    "serving_cert_file.cert_file_path": spire.write("oidc.crt", own.certificate),
    "serving_cert_file.key_file_path": spire.write("oidc.key", own.key),
    "serving_cert_file.addr": `127.0.0.1:${https}`,
    // As the kubelet mounts it.
    "file.path": spire.write("published.json", await until("the bundle is published", () => spire.publishedBundle())),
    "health_checks.bind_port": health,
  });
  const file = spire.write("oidc.conf", configuration);
  const { directory } = spire;
  provider = await startProcess("oidc", [buildTool("oidc-discovery-provider"), "-config", file], { directory });
  const ready = () => answers(`http://127.0.0.1:${health}/ready`);
  await until("the provider is ready", ready, { detail: () => tail(provider) });
});
afterAll(async () => {
  await provider?.stop();
  await spire?.stop();
  await cluster?.stop();
});

/** What the provider says, to one who verifies its certificate. */
const get = (path: string) =>
  new Promise<unknown>((resolve, reject) => {
    const to = {
      host: "127.0.0.1",
      port,
      path,
      servername: domain,
      headers: { host: domain },
      ca: authority.certificate,
    };
    const asked = request(to, (response) => {
      let body = "";
      response.on("data", (chunk: Buffer) => (body += chunk.toString()));
      response.on("end", () => (response.statusCode === 200 ? resolve(JSON.parse(body)) : reject(new Error(body))));
    });
    asked.on("error", reject);
    asked.end();
  });

test("who knows OpenID Connect finds the issuer of a JWT-SVID, and verifies it with the keys that are there", async () => {
  const minted = await spire.command(
    ...["jwt", "mint", "-spiffeID", "spiffe://apps.zt.internal/shop", "-audience", "cloud"],
  );
  const [header = "", payload = "", signature = ""] = minted.trim().split(".");
  const read = (part: string) => JSON.parse(Buffer.from(part, "base64url").toString()) as Record<string, unknown>;
  expect(read(payload)).toMatchObject({
    iss: `https://${domain}`,
    aud: ["cloud"],
    sub: "spiffe://apps.zt.internal/shop",
  });

  expect(await get("/.well-known/openid-configuration")).toMatchObject({
    issuer: `https://${domain}`,
    jwks_uri: `https://${domain}/keys`,
  });
  const { keys } = (await get("/keys")) as { keys: (JsonWebKey & { kid: string })[] };
  const jwk = keys.find(({ kid }) => kid === read(header)["kid"]) ?? expect.fail(JSON.stringify(keys));
  const key = { key: createPublicKey({ key: jwk, format: "jwk" }), dsaEncoding: "ieee-p1363" } as const;
  expect(verify("sha256", Buffer.from(`${header}.${payload}`), key, Buffer.from(signature, "base64url"))).toBe(true);
});
