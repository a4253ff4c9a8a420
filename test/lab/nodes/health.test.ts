import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { until } from "../../../lab/until";
import type { Finding } from "../../../verify/health/finding";
import { TestCluster } from "./cluster";

let cluster: TestCluster;
const kubectl = (...args: readonly string[]) => cluster.plane.kubectl(args);

beforeAll(async () => {
  cluster = await TestCluster.start();
  await cluster.deploy();
  await cluster.demand();
  await until("a caller is authenticated", () => cluster.call("web/frontend").status === 200, { seconds: 60 });
});
afterAll(() => cluster?.stop());

/** What `npm run verify` says of the stack, and what it ends with. */
function verify(): { status: number | null; findings: readonly Finding[] } {
  const { status, output } = cluster.command("verify", ["--json", "--window", "2m", ...cluster.hubbles()]);
  const { findings } = JSON.parse(output.slice(output.indexOf("{\n"), output.lastIndexOf("\n}") + 2)) as {
    findings: readonly Finding[];
  };
  return { status, findings };
}
const broken = () => verify().findings.filter(({ verdict }) => verdict === "fail");

test("in health each part that is here is well, as SPIRE, Cilium's agents and Hubble themselves say", () => {
  const { status, findings } = verify();
  // Nobody watches the lab.
  expect(findings.filter(({ verdict }) => verdict !== "ok")).toMatchObject([{ check: "alerts", verdict: "warn" }]);
  const saw = (check: string) => findings.find((finding) => finding.check === check)?.saw;
  expect(saw("handshake-port")).toBe("2 nodes answer each other");
  expect(saw("identities")).toMatch(/^\d+, each with its entry in SPIRE$/);
  expect(saw("policies-realised")).toBe("1 pods of 1 namespaces, on 2 nodes");
  expect(saw("flows orders")).toMatch(/^[1-9]\d* authenticated/);
  expect(status).toBe(0);
});

describe("a fault is named", () => {
  test.each<[fault: string, check: string, saw: RegExp, breaks: () => unknown, mends: () => unknown]>([
    [
      "the port of the handshake is closed on a node",
      "handshake-port",
      /from node2 to /,
      () => cluster.closeHandshakePort("node1"),
      () => cluster.openHandshakePort("node1"),
    ],
    [
      "SPIRE's server is away",
      "spire-server",
      /scaled to 0/,
      () => kubectl("scale", "statefulset/spire-server", "--namespace", "spire", "--replicas=0"),
      () => {
        kubectl("scale", "statefulset/spire-server", "--namespace", "spire", "--replicas=1");
        kubectl("rollout", "status", "statefulset/spire-server", "--namespace", "spire", "--timeout=120s");
      },
    ],
    [
      "an identity has no entry any more",
      "identities",
      /1 have no entry in SPIRE/,
      () => {
        const spire = (...args: readonly string[]) =>
          kubectl(
            ...["exec", "spire-server-0", "--namespace", "spire", "--container", "spire-server", "--"],
            ...["/opt/spire/bin/spire-server", "entry", ...args],
            ...["-socketPath", "/tmp/spire-server/private/api.sock"],
          );
        const { entries } = JSON.parse(spire("show", "-output", "json")) as {
          entries: { id: string; spiffe_id: { path: string } }[];
        };
        const identity = cluster.jsonpath("ciliumendpoint/api", "orders", "{.status.identity.id}");
        const entry = entries.find(({ spiffe_id: { path } }) => path === `/identity/${identity}`);
        spire("delete", "-entryID", entry?.id ?? expect.fail(`no entry of ${identity}`));
      },
      () => {
        kubectl("rollout", "restart", "deployment/cilium-operator", "--namespace", "kube-system");
        kubectl("rollout", "status", "deployment/cilium-operator", "--namespace", "kube-system", "--timeout=120s");
      },
    ],
  ])("%s", async (_, check, saw, breaks, mends) => {
    await breaks();
    let found = broken();
    const detail = () => JSON.stringify(found, null, 1);
    try {
      await until(`${check} fails`, () => (found = broken())[0]?.check === check, {
        seconds: 60,
        detail,
      });
      expect(found[0]).toMatchObject({ check, saw: expect.stringMatching(saw) as string });
      expect(found[0]?.remedy).toBeTruthy();
    } finally {
      await mends();
    }
    await until("nothing fails any more", () => (found = broken()).length === 0, {
      seconds: 180,
      detail,
    });
  });
});
