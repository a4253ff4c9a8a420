import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { freePorts } from "../../../lab/ports";
import { asNobody, nobody, postgresPrograms } from "../../../lab/spire/databases";
import { runProgram, startProcess, tail, type Process } from "../../../lab/spire/process";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { authoritiesOf, secret, spireObjectsOf, staticEntry } from "./support";

// The pod's own command with Debian's PostgreSQL, and two servers on it: one life, in the order of the tests.
const password = "generated";
const rendered = spireObjectsOf(
  "spire.datastore.labPostgres={}",
  "spire.replicas=2",
  // So that SPIRE's own namespace enforces what Pod Security calls restricted.
  "spire.agentNamespace=spire-agents",
);
interface Template {
  readonly metadata: object;
  readonly spec: {
    readonly containers: readonly [
      {
        readonly command: readonly [string, ...string[]];
        readonly readinessProbe: { readonly exec: { readonly command: readonly [string, ...string[]] } };
      },
    ];
  };
}
const find = (kind: string, name: string) =>
  rendered.find((object) => object.kind === kind && object.metadata.name === name) ?? expect.fail(name);
const { template } = find("StatefulSet", "spire-postgres")["spec"] as { template: Template };
const [container] = template.spec.containers;

let cluster: ControlPlane;
let directory: string;
let port = 0;
let database: Process | undefined;
let servers: Spire[] = [];
const [one, other] = [() => servers[0] ?? expect.fail(), () => servers[1] ?? expect.fail()];
const data = () => join(directory, "volume", "postgres");

/** A command of the pod's, with what is here in the place of paths and addresses there. */
const here = ([program, ...args]: readonly [string, ...string[]]): [string, ...string[]] => [
  program,
  ...args.map((text) =>
    text
      .replaceAll("/data/", `${directory}/volume/`)
      .replaceAll("/run/spire/password/", `${directory}/`)
      .replaceAll("5432", String(port))
      .replaceAll("listen_addresses='*'", "listen_addresses=127.0.0.1"),
  ),
];

async function startDatabase(): Promise<void> {
  const env = { PATH: `${postgresPrograms()}:${process.env["PATH"]}` };
  const started = await startProcess("postgres", asNobody(...here(container.command)), { directory, env });
  database = started;
  const [probe, ...options] = here(container.readinessProbe.exec.command);
  const ready = async () => (await runProgram([join(postgresPrograms(), probe), ...options])).status === 0;
  await until("its readiness probe passes", ready, { detail: () => tail(started) });
}

beforeAll(async () => {
  [port = 0] = await freePorts(1);
  directory = mkdtempSync(join(tmpdir(), "zt-lab-database-"));
  chmodSync(directory, 0o755);
  writeFileSync(join(directory, "password"), password);
  // A volume as the kubelet gives it to the pod's group, on which a first start was interrupted.
  mkdirSync(`${data()}.new`, { recursive: true });
  writeFileSync(join(`${data()}.new`, "PG_VERSION"), "");
  for (const path of [join(directory, "volume"), `${data()}.new`, join(`${data()}.new`, "PG_VERSION")]) {
    chownSync(path, 0, nobody);
    chmodSync(path, 0o2775);
  }
  await startDatabase();
  cluster = await startControlPlane();
  const told = JSON.stringify(rendered.filter(({ kind }) => kind !== "Secret")).replaceAll(
    "host=spire-postgres.spire.svc port=5432",
    `host=127.0.0.1 port=${port}`,
  );
  const objects = [...(JSON.parse(told) as KubernetesObject[]), secret("spire-datastore", { password })];
  servers = await Promise.all([1, 2].map(() => Spire.start(cluster, objects)));
});
afterAll(async () => {
  for (const server of servers) await server.stop();
  await cluster?.stop();
  await database?.stop();
  rmSync(directory, { recursive: true, force: true });
});

const paths = async (server: Spire) => (await server.entries()).map(({ path }) => path).sort();

test("servers share it: one bundle with the authority of each, and the same entries", async () => {
  await until("both are published", () => authoritiesOf(one().publishedBundle()).length === 2);
  await until("the three are there", async () => (await paths(one())).length === 3);
  expect(await paths(other())).toEqual(await paths(one()));
});

test("it keeps what it has when its pod starts again, whose files the kubelet has given to a group meanwhile", async () => {
  const before = await paths(one());
  await database?.stop();
  chmodSync(data(), 0o2770);
  await startDatabase();
  await until("the servers go on", () => paths(one()).then(Boolean, () => false));
  expect(await paths(other())).toEqual(before);
  one().apply(staticEntry("later"));
  await until("who is new is registered", async () => (await paths(one())).includes("/later"), { seconds: 60 });
});

test("it lets in who has the password, and nobody else", async () => {
  const connect = ["--host=127.0.0.1", `--port=${port}`, "--username=spire", "--dbname=postgres", "--command=select 1"];
  const psql = (own: string) =>
    runProgram(["env", `PGPASSWORD=${own}`, join(postgresPrograms(), "psql"), ...connect], {});
  expect(await psql(password)).toMatchObject({ status: 0 });
  expect(await psql("guessed")).toMatchObject({
    status: 2,
    output: expect.stringContaining("password authentication failed") as string,
  });
});

test("the API server lets its pod into a namespace that enforces Pod Security's restricted", () => {
  cluster.kubectl(["create", "serviceaccount", "default", "--namespace", "spire"]);
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: { name: "database", namespace: "spire" },
    spec: template.spec,
  };
  const create = (manifest: object) =>
    cluster.kubectl(["create", "--dry-run=server", "--filename", "-"], JSON.stringify(manifest));
  expect(create(pod)).toContain("created");
  expect(() => create({ ...pod, spec: { ...template.spec, hostNetwork: true } })).toThrow("violates PodSecurity");
});
