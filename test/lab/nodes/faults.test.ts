import { readdirSync, readFileSync, readlinkSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../../lab/until";
import { policy } from "../engine/stack";
import { TestCluster } from "./cluster";
import { generators, nothingFailed, report, startLoad, watchLoad } from "./load";

let cluster: TestCluster;
const kubectl = (...args: readonly string[]) => cluster.plane.kubectl(args);
const recorded = () => cluster.stack.recorded();

beforeAll(async () => {
  cluster = await TestCluster.start();
  await cluster.deploy();
  await cluster.demand();
  await startLoad(cluster, 10);
});
afterAll(() => cluster?.stop());

/** What the load sees while something is done. */
async function seen(what: string, action: () => Promise<unknown> | void) {
  const results = await watchLoad(cluster, async () => void (await action()));
  report(what, results);
  return results;
}

/** The next update, whatever has been before it, ends where it should; whoever appears afterwards gets in, authenticated, and nobody's request fails. */
async function converges(): Promise<void> {
  await cluster.demand();
  await until("who appears gets in", async () => (await cluster.newcomer()).status === 200, { seconds: 120 });
  expect(cluster.stack.demands()[policy]).toEqual(["required"]);
  expect(await seen("afterwards", () => undefined)).toMatchObject(nothingFailed);
}

const scaleServer = (replicas: number) =>
  kubectl("scale", "statefulset/spire-server", "--namespace", "spire", `--replicas=${replicas}`);
const serverReady = () =>
  kubectl("wait", "--for=condition=Ready", "pod/spire-server-0", "--namespace", "spire", "--timeout=120s");

/** Does something while the server has ended; where its files are is given to it. */
async function withoutServer(action: (volume: string) => Promise<unknown> | void): Promise<void> {
  scaleServer(0);
  kubectl("wait", "--for=delete", "pod/spire-server-0", "--namespace", "spire", "--timeout=60s");
  await action(join(cluster.node("node1").directory, "volume"));
  scaleServer(1);
  kubectl("wait", "--for=create", "pod/spire-server-0", "--namespace", "spire", "--timeout=60s");
}

/** As docs/spire.md says, for those who do not want to wait ten minutes. */
const restartWhoKnowsTheOldServer = () => {
  for (const [workload, namespace] of [
    ["daemonset/spire-agent", "spire"],
    ["deployment/cilium-operator", "kube-system"],
  ] as const) {
    kubectl("rollout", "restart", workload, "--namespace", namespace);
    kubectl("rollout", "status", workload, "--namespace", namespace, "--timeout=120s");
  }
};

/** Ends the pod of a DaemonSet on a node, and waits for the next. */
function restartOn(node: string, daemonSet: string, namespace: string, label: string): void {
  const field = `spec.nodeName=${node}`;
  kubectl("delete", "pod", "--namespace", namespace, "--selector", label, "--field-selector", field);
  kubectl("rollout", "status", `daemonset/${daemonSet}`, "--namespace", namespace, "--timeout=120s");
}

/** The processes of a program on a node. */
function processesOf(node: string, program: string): number[] {
  const namespace = readlinkSync(`/proc/${cluster.node(node).pid}/ns/pid`);
  const isOf = (pid: string) => {
    try {
      return (
        readlinkSync(`/proc/${pid}/ns/pid`) === namespace &&
        readFileSync(`/proc/${pid}/comm`, "utf8") === `${program}\n`
      );
    } catch {
      // It has ended.
      return false;
    }
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && isOf(name))
    .map(Number);
}

describe("what is restarted while there is load costs no request", () => {
  test("SPIRE's agent on a node", async () => {
    const results = await seen("SPIRE's agent restarted", () =>
      restartOn("node2", "spire-agent", "spire", "app.kubernetes.io/name=spire-agent"),
    );
    expect(results).toMatchObject(nothingFailed);
    await converges();
  });

  test("Cilium's agent on a node", async () => {
    const results = await seen("Cilium's agent restarted", () =>
      restartOn("node2", "cilium", "kube-system", "k8s-app=cilium"),
    );
    expect(results).toMatchObject(nothingFailed);
    await converges();
  });

  test("SPIRE with another configuration", async () => {
    cluster.stack.set("spire.ttl.x509Svid", "3m");
    const results = await seen("SPIRE configured anew", () => void cluster.stack.up());
    expect(results).toMatchObject(nothingFailed);
    await converges();
    cluster.stack.set("spire.ttl.x509Svid", "2m");
    await converges();
  });
});

describe("an engine that is killed on the way off, and on the way on", () => {
  test.each([
    ["false", `access-orders-${policy}`, { auth: false, phase: "allow" }],
    ["true", "cilium-auth-release", { auth: true, phase: "allow" }],
  ])("costs no request: auth %s, after %s", async (flag, resource, ends) => {
    const before = recorded();
    const results = await seen(`engine killed, auth ${flag}`, () => {
      cluster.stack.setFlag(flag);
      cluster.stack.failingUp({ ZT_KILL_AFTER: resource });
      expect(recorded()).toEqual(before);
      cluster.stack.project.must(["cancel", "--yes", "--stack", "apps"]);
      cluster.stack.up();
      expect(recorded()).toEqual(ends);
    });
    expect(results).toMatchObject(nothingFailed);
  });

  test("and the next update ends where it should", converges);
});

// The agent of the node to which a call goes asks the agent of the node from which it comes.
describe("a node that is cut off from the port of the handshake", () => {
  test("gets nobody new in elsewhere, until authentication is off or the port open again, and does not come back to require before", async () => {
    cluster.closeHandshakePort("node1");
    expect(await cluster.newcomer()).toMatchObject({ error: "no answer" });
    cluster.stack.set("auth", "false");
    cluster.stack.up();
    expect(await cluster.newcomer()).toMatchObject({ status: 200 });
    cluster.stack.setFlag("true");
    cluster.stack.up();
    await until("the port is what it waits for", () => cluster.stack.up().includes("on the port of the handshake"), {
      seconds: 120,
    });
    expect(recorded()).toEqual({ auth: true, phase: "allow" });
    cluster.openHandshakePort("node1");
    await converges();
  });
});

describe("a node whose kubelet answers nobody", () => {
  const signal = (name: NodeJS.Signals) => processesOf("node1", "kubelet").forEach((pid) => process.kill(pid, name));

  test("holds up the way off for seconds, is named, and keeps its traffic", async () => {
    const results = await seen("off with a node that does not answer", async () => {
      signal("SIGSTOP");
      try {
        cluster.stack.set("auth", "false");
        const { output } = await cluster.stack.startUp();
        expect(output).toContain("node1 cannot be asked");
        expect(cluster.stack.demands()[policy]).toEqual([]);
      } finally {
        signal("SIGCONT");
      }
    });
    expect(results).toMatchObject(nothingFailed);
    cluster.stack.up();
    expect(recorded()).toEqual({ auth: false, phase: "allow" });
    cluster.stack.setFlag("true");
    await converges();
  });
});

describe("a SPIRE server", () => {
  test("that is away for longer than identities live cuts off who has to authenticate again, until it is back", async () => {
    const failing = () => generators.every((pod) => (cluster.seconds(pod).at(-1)?.failed ?? 0) > 0);
    await seen("SPIRE's server away", () =>
      withoutServer(() => until("what was authenticated has expired", failing, { seconds: 300 })),
    );
    const fine = (pod: string) =>
      cluster
        .seconds(pod)
        .slice(-5)
        .every(({ failed }) => failed === 0);
    await until("everybody is let in again", () => generators.every(fine), { seconds: 180 });
    await converges();
  });

  test.each([
    ["its database", "datastore.sqlite3"],
    ["its keys", "keys.json"],
    ["its whole volume", ""],
  ])("that has lost %s makes its entries and its authority anew, and lets everybody in again", async (_, lost) => {
    await seen(`SPIRE's server lost ${lost}`, async () => {
      await withoutServer((volume) => {
        for (const file of readdirSync(volume, { recursive: true, encoding: "utf8" }))
          if (file.includes(lost)) rmSync(join(volume, file), { recursive: true, force: true });
      });
      serverReady();
      restartWhoKnowsTheOldServer();
      await converges();
    });
  });

  test("that ends as soon as it starts, and failed resources in the state, hold up no way off", async () => {
    await withoutServer((volume) => {
      const database = readdirSync(volume, { recursive: true, encoding: "utf8" }).find((file) =>
        file.endsWith("datastore.sqlite3"),
      );
      if (!database) throw new Error("no database");
      writeFileSync(join(volume, database), "this is no database");
    });
    await until("it ends again and again", () =>
      cluster
        .jsonpath("pod/spire-server-0", "spire", "{.status.containerStatuses[*].state.waiting.reason}")
        .includes("CrashLoopBackOff"),
    );
    cluster.stack.set("spire.ttl.x509Svid", "3m");
    expect(await cluster.stack.denying("spire-server", () => cluster.stack.failingUp())).toContain("not now");

    const results = await seen("off with SPIRE's server broken", () => {
      cluster.stack.set("auth", "false");
      cluster.stack.project.must(["up", "--stack", "apps", "--yes", "--skip-preview"]);
      expect(recorded()).toEqual({ auth: false, phase: "allow" });
    });
    expect(results).toMatchObject(nothingFailed);
    expect(await cluster.newcomer()).toMatchObject({ status: 200 });
  });
});
