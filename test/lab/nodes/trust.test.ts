import { spawnSync } from "node:child_process";
import { afterAll, beforeAll, expect, test } from "vitest";
import { references } from "../../../lab/nodes/clusterImages";
import { until } from "../../../lab/until";
import { withoutPack } from "../engine/stack";
import { commandsIn, runCommands } from "../page";
import { TestCluster } from "./cluster";
import { nothingFailed, report, startLoad, watchLoad } from "./load";

const functions = commandsIn("recovery", "backup").split("\nstop_server\n")[0];

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
  await cluster.deploy();
  await cluster.demand();
  await startLoad(cluster, 10);
});
afterAll(() => cluster?.stop());

/** Runs commands where a user does, who answers every question with yes. */
function shell(script: string): void {
  const { project } = cluster.stack;
  const env = { ...project.environment, ...withoutPack, PULUMI_SKIP_CONFIRMATIONS: "true", IMAGE: references.workload };
  runCommands(`set -o pipefail\n${functions}\n${script}`, env, project.directory);
}
const run = (name: string) => watchLoad(cluster, () => Promise.resolve(shell(commandsIn("trust", name))));

/** The SPIFFE ID that a node's Cilium shows for an identity in the handshake, and the serial number of its issuer's key (cilium pkg/auth, mutual_authhandler.go). */
function shown(node: string, id: string, trustDomain: string): { spiffeId: string; issuer: string } {
  const ask = `
    const socket = require("tls").connect(
      { host: "${cluster.node(node).address}", port: 4250, servername: "${id}.${trustDomain}", rejectUnauthorized: false },
      () => {
        const { subjectaltname } = socket.getPeerCertificate();
        const text = socket.getPeerX509Certificate().toString();
        console.log(JSON.stringify({ subjectaltname, text }));
        socket.destroy();
      },
    ).on("error", ({ message }) => { console.log(JSON.stringify({ subjectaltname: message, text: "" })); });`;
  const { subjectaltname, text } = JSON.parse(cluster.onHost("node1", process.execPath, "-e", ask)) as {
    subjectaltname: string;
    text: string;
  };
  const issuer = spawnSync("openssl", ["x509", "-noout", "-ext", "authorityKeyIdentifier"], {
    input: text,
    encoding: "utf8",
  });
  return { spiffeId: subjectaltname.replace(/^URI:/, ""), issuer: issuer.stdout };
}
/** The number that Cilium has for the pod of the intent's target. */
const target = () => cluster.jsonpath("ciliumendpoint/api", "orders", "{.status.identity.id}");
const newcomer = () =>
  until("who appears gets in", async () => (await cluster.newcomer()).status === 200, { seconds: 120 });
/** All pairs have authenticated anew: none is left from before. */
const flush = () => ["node1", "node2"].forEach((node) => cluster.cilium(node, "cilium-dbg", "bpf", "auth", "flush"));

test("another CA fails no request: afterwards every identity is of the new one, and nobody trusts the old", async () => {
  const before = shown("node2", target(), "apps.zt.internal");
  expect(before.spiffeId).toBe(`spiffe://apps.zt.internal/identity/${target()}`);
  const seen = await run("ca");
  report("another CA", seen);
  expect(seen).toMatchObject(nothingFailed);
  const after = shown("node2", target(), "apps.zt.internal");
  expect(after.spiffeId).toBe(before.spiffeId);
  expect(after.issuer).not.toBe(before.issuer);
  await newcomer();
});

test("another trust domain fails no request: refused while authentication is on, and afterwards callers authenticate by the new one", async () => {
  const change = commandsIn("trust", "trust-domain-change");
  const back = "pulumi config set trustDomain apps.zt.internal --stack apps";
  expect(() => shell(change)).toThrow(/once authentication is off, as docs\/trust\.md says/);
  shell(back);

  for (const step of ["off", "empty", "change"]) {
    const seen = await run(`trust-domain-${step}`);
    report(`another trust domain, ${step}`, seen);
    expect(seen).toMatchObject(nothingFailed);
  }
  expect(cluster.stack.recorded()).toEqual({ auth: false, phase: "allow" });
  const on = await watchLoad(cluster, async () => {
    await cluster.demand(() => shell(commandsIn("trust", "trust-domain-on")));
  });
  report("another trust domain, on", on);
  expect(on).toMatchObject(nothingFailed);

  expect(shown("node2", target(), "new.zt.internal").spiffeId).toBe(`spiffe://new.zt.internal/identity/${target()}`);
  expect(shown("node2", target(), "apps.zt.internal").spiffeId).not.toContain("spiffe://apps.zt.internal");
  const anew = await watchLoad(cluster, async () => {
    flush();
    await newcomer();
  });
  report("another trust domain, all authenticate anew", anew);
  expect(anew).toMatchObject(nothingFailed);
  expect(cluster.pairs("node2")).toBeGreaterThan(0);
});
