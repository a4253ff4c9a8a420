import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Previous } from "../../../core/rollout/state";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { LabNode, type Agent } from "../../../lab/spire/node";
import { runProgram, tail } from "../../../lab/spire/process";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { buildTool } from "../../../tools/go";
import { authoritiesOf, spireUpdate } from "./support";

// Two clusters and one federation of them, in the order of the tests: each goes on where the one before it ended.
const names = ["apps", "infra"] as const;
type Name = (typeof names)[number];
const clusters: Partial<Record<Name, ControlPlane>> = {};
const spires: Partial<Record<Name, Spire>> = {};
const states: Partial<Record<Name, Previous["state"]>> = {};
const of = <T>(those: Partial<Record<Name, T>>, name: Name): T => those[name] ?? expect.fail(`no ${name}`);
let node: LabNode;
let agent: Agent;

/** The stacks' updates, one after the other: each SPIRE with what the other stack has as its bundle by then. */
async function update(name: Name, peers = true): Promise<void> {
  const other = name === "apps" ? "infra" : "apps";
  const { cluster, publishedBundle } = {
    cluster: of(clusters, name),
    publishedBundle: spires[other]?.publishedBundle(),
  };
  const trustDomain = `${other}.zt.internal`;
  const endpoint = `https://127.0.0.1:${spires[other]?.places.ports.bundle ?? 1}`;
  const values = [`trustDomain=${trustDomain}`, `endpoint=${endpoint}`, `stack=${other}`].map(
    (value) => `spire.federation.with[0].${value}`,
  );
  const shop = ["name=shop", "namespaces[0]=shop", ...(peers ? [`federatesWith[0]=${trustDomain}`] : [])].map(
    (value) => `spire.workloads[0].${value}`,
  );
  const { objects, state } = spireUpdate(name, [...(peers ? values : []), ...shop], {
    ...(states[name] ? { state: states[name] } : {}),
    ...(publishedBundle === undefined ? {} : { bundles: { [trustDomain]: publishedBundle } }),
  });
  states[name] = state;
  const spire = spires[name];
  if (spire) spire.use(objects);
  else spires[name] = await Spire.start(cluster, objects);
}

beforeAll(async () => {
  for (const name of names) {
    clusters[name] = await startControlPlane();
    of(clusters, name).kubectl(["create", "namespace", "shop"]);
  }
});
afterAll(async () => {
  await node?.stop();
  for (const name of names) {
    await spires[name]?.stop();
    await clusters[name]?.stop();
  }
});

/** What a pod of the shop has: its identity, and the roots of the other trust domain, as files. */
async function fetched(pod: string): Promise<string[]> {
  const directory = join(of(spires, "apps").directory, pod);
  mkdirSync(directory);
  const { container } = node.runPod("shop", pod, "frontend");
  const socket = ["-socketPath", agent.places.workloadSocket];
  const fetch = [buildTool("spire-agent"), "api", "fetch", "x509", ...socket, "-write", directory] as const;
  let said = "";
  const has = async () => {
    const { status, output } = await runProgram(container.within(fetch));
    said = output;
    return status === 0;
  };
  await until(`${pod} has an identity`, has, { seconds: 60, detail: () => said + tail(agent.process) });
  return readdirSync(directory).sort();
}
/** The authorities of another trust domain that the server of one has. */
const known = async (name: Name, other: Name) => {
  const shown = await of(spires, name).command(
    "bundle",
    "list",
    "-id",
    `spiffe://${other}.zt.internal`,
    "-format",
    "spiffe",
  );
  return authoritiesOf(shown);
};

test("a stack that is deployed alone has its SPIRE, and its pods have their identities, before the other one is there", async () => {
  await update("apps");
  node = await LabNode.start(of(spires, "apps"), "node1");
  agent = await node.startAgent("agent");
  await node.untilReady(agent);
  expect(await fetched("alone")).toEqual(["bundle.0.pem", "svid.0.key", "svid.0.pem"]);
});

test("each server gets the other's bundle, from the first one on by itself, and nobody is without an identity on the way", async () => {
  await update("infra");
  await update("apps");
  const { command } = { command: of(spires, "apps").command.bind(of(spires, "apps")) };
  await until("apps has the relationship", async () =>
    (await command("federation", "list")).includes("infra.zt.internal"),
  );
  await update("infra");
  await until("infra has its bundle", async () =>
    (await of(spires, "infra").command("bundle", "list")).includes("apps.zt.internal"),
  );
  expect(await fetched("meanwhile")).toEqual(["bundle.0.pem", "svid.0.key", "svid.0.pem"]);
  expect(await known("apps", "infra")).toEqual(authoritiesOf(of(spires, "infra").publishedBundle()));

  await of(spires, "infra").command("localauthority", "x509", "prepare");
  await until("infra publishes both", () => authoritiesOf(of(spires, "infra").publishedBundle()).length === 2);
  // What the server does by itself every 75 seconds.
  await command("federation", "refresh", "-id", "spiffe://infra.zt.internal");
  await until("apps has both", async () => (await known("apps", "infra")).length === 2, {
    detail: () => tail(of(spires, "apps").server ?? expect.fail()),
  });
});

test("by the next update pods have what it takes to verify identities of the other trust domain", async () => {
  await update("apps");
  const directory = of(spires, "apps").directory;
  await until(
    "entries have it",
    async () => (await of(spires, "apps").command("entry", "show")).includes("infra.zt.internal"),
    { seconds: 60, detail: () => tail(of(spires, "apps").manager ?? expect.fail()) },
  );
  let files: string[] = [];
  for (let i = 0; i < 10 && !files.includes("federated_bundle.0.0.pem"); i++) files = await fetched(`told-${i}`);
  const own = files.includes("federated_bundle.0.0.pem") ? "federated_bundle.0.0.pem" : expect.fail(files.join());

  const minted = join(directory, "minted");
  mkdirSync(minted);
  await of(spires, "infra").command(
    "x509",
    "mint",
    "-spiffeID",
    "spiffe://infra.zt.internal/registry",
    "-write",
    minted,
  );
  const pods = readdirSync(directory).filter((name) => name.startsWith("told-"));
  const roots = join(directory, pods.sort().at(-1) ?? "", own);
  const verify = [
    "openssl",
    "verify",
    "-CAfile",
    roots,
    "-untrusted",
    join(minted, "svid.pem"),
    join(minted, "svid.pem"),
  ];
  expect(await runProgram(verify as [string, ...string[]])).toMatchObject({ status: 0 });
});

test("a federation that the configuration has no more is taken out of SPIRE too", async () => {
  await update("apps", false);
  of(clusters, "apps").kubectl(["delete", "clusterfederatedtrustdomain", "infra.zt.internal"]);
  await until("the relationship is gone", async () =>
    (await of(spires, "apps").command("federation", "list")).includes("Found 0"),
  );
  expect(await fetched("after")).toContain("svid.0.pem");
});

test("nothing that SPIRE asked of the API servers on the way was refused, nor an entry by SPIRE", () => {
  const logs = names.flatMap((name) => [spires[name]?.server, spires[name]?.manager].map((process) => process?.log()));
  expect(logs.join("\n")).not.toContain("forbidden");
  expect(logs.join("\n")).not.toContain("unable to find federated bundle");
});
