import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { databases, type Database } from "../../../lab/spire/databases";
import { runProgram, tail } from "../../../lab/spire/process";
import { buildTool } from "../../../tools/go";
import { LabNode, type Agent } from "../../../lab/spire/node";
import { Spire } from "../../../lab/spire/spire";
import { until } from "../../../lab/until";
import { authoritiesOf, secret, spireObjectsOf, staticEntry } from "./support";

// Passwords that mean something else wherever they are put without care; what MySQL's may have, docs/spire.md says.
const subjects = [
  ["postgres", `it's "a" \\pass$word, 100%`],
  ["mysql", "it's a pass$word@host:1/x?tls=false, 100%"],
] as const;

describe.each(subjects)(
  "two servers that share %s, which lets nobody in without TLS and a certificate",
  (type, password) => {
    let cluster: ControlPlane;
    let database: Database;
    let servers: Spire[] = [];
    let node: LabNode;
    let agent: Agent;
    const [one, other] = [() => servers[0] ?? expect.fail(), () => servers[1] ?? expect.fail()];

    beforeAll(async () => {
      database = await databases[type]("spire", password);
      cluster = await startControlPlane();
      const objects = spireObjectsOf(
        "spire.replicas=2",
        ...[`address=localhost:${database.port}`, "passwordSecret.name=database"].map(
          (assignment) => `spire.datastore.${type}.${assignment}`,
        ),
        ...["caSecret=database-ca", "clientSecret=database-client"].map(
          (assignment) => `spire.datastore.${type}.tls.${assignment}`,
        ),
      );
      const { ca, client } = database;
      const secrets = [
        secret("database", { password }),
        secret("database-ca", { "ca.crt": ca }),
        secret("database-client", { "tls.crt": client.certificate, "tls.key": client.key }),
      ];
      // As StatefulSets start the servers of a new SPIRE: at once, on a database without tables.
      servers = await Promise.all([1, 2].map(() => Spire.start(cluster, [...objects, ...secrets])));
    });
    afterAll(async () => {
      await node?.stop();
      for (const server of servers) await server.stop();
      await cluster?.stop();
      await database?.stop();
    });

    test("have an authority each, and one bundle with both, which is published", async () => {
      const shown = async (server: Spire) => authoritiesOf(await server.command("bundle", "show", "-format", "spiffe"));
      await until(
        "both know both",
        async () => (await shown(one())).length === 2 && (await shown(other())).length === 2,
      );
      expect(await shown(one())).toEqual(await shown(other()));
      await until("both are published", () => authoritiesOf(one().publishedBundle()).length === 2);
    });

    test("have the same entries, whoever made them", async () => {
      await until("the three are there", async () => (await one().entries()).length === 3);
      expect(await other().entries()).toEqual(await one().entries());
    });

    test("have one controller-manager that reconciles, and another when that is gone", async () => {
      const holder = () =>
        cluster.kubectl([
          "get",
          "lease",
          "spire-controller-manager",
          "--namespace=spire",
          "--output=jsonpath={.spec.holderIdentity}",
        ]);
      const first = holder();
      expect(first).not.toBe("");
      const leads = (server: Spire) => (server.manager?.log() ?? "").includes("successfully acquired lease");
      expect(servers.filter(leads)).toHaveLength(1);
      await servers.find(leads)?.manager?.stop();
      one().apply(staticEntry("reconciled"));
      await until(
        "the other makes an entry",
        async () => (await one().entries()).some(({ path }) => path === "/reconciled"),
        { seconds: 60 },
      );
      expect(holder()).not.toBe(first);
    });

    test("take over from each other: an agent that one has attested goes on with the other", async () => {
      node = await LabNode.start(one(), "node1");
      await node.mountBundle();
      agent = await node.startAgent("agent");
      await node.untilReady(agent);
      expect(await other().command("agent", "list")).toContain("spiffe://apps.zt.internal/spire/agent/k8s_psat/apps/");
      await one().server?.stop();
      // At the address at which the agent knows the first one.
      await other().server?.stop();
      await other().startServer(one().places.ports.server);
      const ids = [
        "-spiffeID",
        "spiffe://apps.zt.internal/late",
        "-parentID",
        "spiffe://apps.zt.internal/ns/spire/sa/spire-agent",
      ];
      await other().command("entry", "create", ...ids, "-selector", "k8s:ns:kube-system", "-selector", "k8s:sa:late");
      const { container } = node.runPod("kube-system", "late", "late");
      const fetch = [
        buildTool("spire-agent"),
        "api",
        "fetch",
        "x509",
        "-socketPath",
        agent.places.workloadSocket,
      ] as const;
      await until(
        "a pod has an identity of the other's making",
        async () => (await runProgram(container.within([...fetch]))).output.includes("spiffe://apps.zt.internal/late"),
        { seconds: 60, detail: () => tail(agent.process) },
      );
    });
  },
);
