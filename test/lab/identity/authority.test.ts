import { X509Certificate } from "node:crypto";
import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { Authority } from "../../../lab/certificates";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { LabNode, type Agent } from "../../../lab/spire/node";
import { runProgram, tail } from "../../../lab/spire/process";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { buildTool } from "../../../tools/go";
import { authoritiesOf, secret, spireObjectsOf } from "./support";

// One life of one SPIRE, in the order of the tests: each goes on where the one before it ended.
let cluster: ControlPlane;
let spire: Spire;
let node: LabNode;
let agent: Agent;
let fetched = 0;

// Renewed at half of it, and long enough for the server to be away meanwhile.
const ttl = "spire.ttl.x509Svid=40s";

beforeAll(async () => {
  cluster = await startControlPlane();
  spire = await Spire.start(cluster, spireObjectsOf(ttl));
  node = await LabNode.start(spire, "node1");
  agent = await node.startAgent("agent");
  await node.untilReady(agent);
  await until("the entries are there", async () => (await spire.entries()).length === 3);
  await until("a workload has an identity", () => identity().then(Boolean, () => false));
});
afterAll(async () => {
  await node?.stop();
  await spire?.stop();
  await cluster?.stop();
});

const certificatesIn = (file: string) =>
  (readFileSync(file, "utf8").match(/-----BEGIN[^]*?-----END CERTIFICATE-----/g) ?? []).map(
    (pem) => new X509Certificate(pem),
  );

/** What a workload has: whether its identity is good by what it trusts itself, and by which root. */
async function identity() {
  const directory = join(spire.directory, `fetched-${fetched++}`);
  mkdirSync(directory);
  const { container } = node.runPod("kube-system", `operator-${fetched}`, "cilium-operator");
  const fetch = ["api", "fetch", "x509", "-socketPath", agent.places.workloadSocket, "-write", directory] as const;
  const { status, output } = await runProgram(container.within([buildTool("spire-agent"), ...fetch]));
  if (status !== 0) throw new Error(`${output}\n${tail(agent.process)}`);
  const chain = certificatesIn(join(directory, "svid.0.pem"));
  const trusted = certificatesIn(join(directory, "bundle.0.pem"));
  for (const [i, certificate] of chain.slice(0, -1).entries())
    expect(certificate.verify((chain[i + 1] as X509Certificate).publicKey)).toBe(true);
  const root = trusted.find((root) => chain.at(-1)?.verify(root.publicKey));
  return { root: root?.raw.toString("base64"), trusted: trusted.map(({ raw }) => raw.toString("base64")).sort() };
}

interface Authorities {
  readonly active: { readonly authority_id: string };
  readonly prepared: { readonly authority_id: string };
}
const x509 = async (...command: string[]) =>
  JSON.parse(await spire.command("localauthority", "x509", ...command, "-output", "json")) as Authorities;

/** Has the server make another CA, and use it as soon as agents know it: what it does by itself when a third of the old one's life is left. */
async function changeAuthority(): Promise<string> {
  const { active } = await x509("show");
  const before = authoritiesOf(spire.publishedBundle());
  await x509("prepare");
  const { prepared } = await x509("show");
  await until("both roots are published", () => authoritiesOf(spire.publishedBundle()).length > before.length);
  await until("the workload trusts both", async () => (await identity()).trusted.length > before.length, {
    detail: () => tail(agent.process),
  });
  await x509("activate", "-authorityID", prepared.authority_id);
  return active.authority_id;
}

test("a new CA takes over, and then nobody trusts the old one; nobody is without a good identity meanwhile", async () => {
  const { root: old } = await identity();
  const authority = await changeAuthority();
  await until("SVIDs come from the new one", async () => (await identity()).root !== old, { seconds: 60 });

  const agents = () => spire.command("agent", "list", "-output", "json");
  const serial = async () => /"x509svid_serial_number": *"(\w+)"/.exec(await agents())?.[1];
  const before = await serial();
  await x509("taint", "-authorityID", authority);
  await until("the agent has another certificate itself", async () => (await serial()) !== before, {
    seconds: 60,
    detail: () => tail(agent.process),
  });
  await x509("revoke", "-authorityID", authority);
  await until("nobody trusts the old one", async () => !(await identity()).trusted.includes(old ?? ""), {
    seconds: 60,
  });
  const { root, trusted } = await identity();
  expect([trusted, authoritiesOf(spire.publishedBundle())]).toEqual([[root], [root]]);
});

test("an authority above, from a Secret, takes over from the server's own in the same way", async () => {
  const upstream = new Authority();
  const root = new X509Certificate(upstream.certificate).raw.toString("base64");
  const { root: old } = await identity();
  await spire.server?.stop();
  const files = { "tls.crt": upstream.certificate, "tls.key": upstream.key, "ca.crt": upstream.certificate };
  const objects = spireObjectsOf(ttl, "spire.upstreamAuthority.disk.secret=upstream-ca");
  spire.use([...objects, secret("upstream-ca", files)]);
  await spire.startServer();
  expect((await identity()).root).toBe(old);

  await changeAuthority();
  await until("SVIDs come from the new one", async () => (await identity()).root === root, { seconds: 60 });
  expect((await identity()).trusted).toEqual([old, root].sort());
});
