import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { overlay } from "../../../lab/nodes/overlay";
import { until } from "../../../lab/until";
import { policy } from "../engine/stack";
import { TestCluster } from "./cluster";
import { leftOf } from "./left";
import { endLoad, nothingFailed, report, startLoad, watchLoad } from "./load";

let cluster: TestCluster;

beforeAll(async () => {
  cluster = await TestCluster.start();
  await cluster.deploy();
});
afterAll(() => cluster?.stop());

const recorded = () => cluster.stack.recorded();

test("what a stack sets to be deployed here says where, and what its images are, and nothing of what is deployed", () => {
  const allowed =
    /^(cluster\.(identity|cilium\.(version|delivery|chart|valuesFile))|spire\.(version|images\.\w+|storage\.className|ttl\.\w+))$/;
  expect(Object.keys(overlay("chart", "values", "identity")).filter((key) => !allowed.test(key))).toEqual([]);
});

describe("pulumi up on nodes that have nothing", () => {
  test("runs Cilium, and SPIRE as it is rendered, on every node", () => {
    const ready = (workload: string, namespace: string) =>
      cluster.jsonpath(workload, namespace, "{.status.readyReplicas}{.status.numberReady}");
    expect(ready("daemonset/cilium", "kube-system")).toBe("2");
    expect(ready("deployment/cilium-operator", "kube-system")).toBe("1");
    expect(ready("daemonset/spire-agent", "spire")).toBe("2");
    expect(ready("statefulset/spire-server", "spire")).toBe("1");
  });

  test("lets nobody in yet but whom the intent names, and asks nobody to authenticate", () => {
    expect(recorded()).toEqual({ auth: true, phase: "allow" });
    expect(cluster.call("web/frontend")).toMatchObject({ status: 200 });
    expect(cluster.dropped("web/intruder")).toMatchObject({ error: "no answer" });
    expect(cluster.pairs("node2")).toBe(0);
  });
});

describe("with authentication required", () => {
  beforeAll(() => cluster.demand());

  test.each([
    ["on another node", "web/frontend"],
    ["on the same node", "billing/invoicer"],
  ])("a caller %s that the intent names gets in after at most one handshake, and Cilium says with what", (_, pod) => {
    expect(cluster.call(pod)).toMatchObject({ status: 200 });
    expect(cluster.call(pod)).toMatchObject({ status: 200 });
    expect(cluster.pairs("node2")).toBeGreaterThan(0);
    const verdicts = cluster.verdicts("node2", pod);
    const forwarded = verdicts.filter(({ verdict }) => verdict === "FORWARDED");
    expect(forwarded.map(({ auth_type }) => auth_type)).toContain("SPIRE");
    // The first packet of the first connection, at most, while the nodes shake hands.
    const dropped = verdicts.filter(({ drop_reason_desc }) => drop_reason_desc === "AUTH_REQUIRED");
    expect(dropped.length).toBeLessThanOrEqual(2);
  });

  test.each([
    ["another service account of the same namespace", "web/intruder"],
    ["a service account of the same name in another namespace", "billing/frontend"],
  ])("%s is dropped by the policy, before anything about authentication", (_, pod) => {
    expect(cluster.dropped(pod)).toMatchObject({ error: "no answer" });
    const reasons = cluster.verdicts("node2", pod).map(({ drop_reason_desc }) => drop_reason_desc);
    expect(new Set(reasons.filter((reason) => reason !== undefined))).toEqual(new Set(["POLICY_DENIED"]));
  });

  test("a process of another node is dropped by the policy; one of the target's own node is let in, as the kubelet's probes have to be", () => {
    const url = `http://${cluster.jsonpath("pod/api", "orders", "{.status.podIP}")}:8080/`;
    expect(cluster.callFromHost("node1", url)).toMatchObject({ error: "no answer" });
    const reasons = cluster.verdicts("node2", "remote-node").map(({ drop_reason_desc }) => drop_reason_desc);
    expect(new Set(reasons)).toEqual(new Set(["POLICY_DENIED"]));
    expect(cluster.callFromHost("node2", url)).toMatchObject({ status: 200 });
  });

  test("what is not a caller keeps working under the default deny: probes, and what the namespace itself calls, with DNS", () => {
    expect(cluster.jsonpath("pod/api", "orders", "{.status.conditions[?(@.type=='Ready')].status}")).toBe("True");
    const url = `http://${cluster.jsonpath("pod/frontend", "web", "{.status.podIP}")}:8080/`;
    expect(cluster.call("orders/api", url)).toMatchObject({ status: 200 });
    expect(cluster.call("orders/api", "http://nowhere.web.svc.cluster.local/")).toMatchObject({ error: "ENOTFOUND" });
  });

  test("an identity that SPIRE has no entry for is dropped until it has one", async () => {
    const operator = (replicas: number) =>
      cluster.plane.kubectl([
        "scale",
        "deployment/cilium-operator",
        "--namespace",
        "kube-system",
        `--replicas=${replicas}`,
      ]);
    operator(0);
    await until(
      "the operator is gone",
      () => cluster.jsonpath("deployment/cilium-operator", "kube-system", "{.status.replicas}") === "",
    );
    const labels = { never: "seen" };
    await cluster.run("billing/unknown", { node: "node1", serviceAccount: "invoicer", labels });
    expect(cluster.dropped("billing/unknown")).toMatchObject({ error: "no answer" });
    const reasons = cluster.verdicts("node2", "billing/unknown").map(({ drop_reason_desc }) => drop_reason_desc);
    expect(reasons).toContain("AUTH_REQUIRED");
    operator(1);
    await until("it gets in", () => cluster.call("billing/unknown").status === 200, { seconds: 60 });
  });
});

describe("npm run verify", () => {
  test.each([
    ["the relay", () => []],
    ["the agents' sockets", () => cluster.hubbles()],
  ])(
    "says of everybody who has called, by what real agents tell through %s, what require makes of them",
    async (_, servers) => {
      let output = "";
      // The relay tries the agents again every so often once they have restarted.
      await until(
        "both nodes are heard",
        () => {
          output = cluster.command("verify", ["--namespace", "orders", ...servers()]).output;
          return /authenticated +billing\/invoicer/.test(output);
        },
        { seconds: 60, detail: () => output },
      );
      expect(output).toMatch(/cut off +web\/intruder +-> +app=api:8080 .* no intent names it/);
      expect(output).toMatch(/cut off +billing\/frontend +-> +app=api:8080/);
      expect(output).toMatch(/authenticated +web\/frontend +-> +app=api:8080/);
      expect(output).toMatch(/authenticated +billing\/invoicer +-> +app=api:8080/);
    },
  );
});

describe("the flag under load, fifty new connections a second and five kept alive from each of two nodes", () => {
  /** A command of the user's, beside which a caller appears. */
  const up = async () => {
    const done = cluster.stack.startUp();
    const first = await cluster.another();
    const { status, output } = await done;
    if (status !== 0) throw new Error(output);
    return first;
  };

  beforeAll(() => startLoad(cluster));
  afterAll(() => endLoad(cluster));

  test("off drops nothing, neither from whom was there nor from whom appears meanwhile or afterwards", async () => {
    const answers: unknown[] = [];
    const results = await watchLoad(cluster, async () => {
      cluster.stack.set("auth", "false");
      answers.push(await up());
      answers.push(await cluster.newcomer());
    });
    report("off", results);
    expect(recorded()).toEqual({ auth: false, phase: "allow" });
    expect(results).toMatchObject(nothingFailed);
    expect(answers).toMatchObject([{ status: 200 }, { status: 200 }]);
    expect(cluster.dropped("web/intruder")).toMatchObject({ error: "no answer" });
  });

  test("on again drops nothing, and who was there, or has appeared, is authenticated", async () => {
    const answers: unknown[] = [];
    const results = await watchLoad(cluster, async () => {
      cluster.stack.setFlag("true");
      await cluster.demand(async () => void answers.push(await up()));
      answers.push(await cluster.another());
    });
    report("on again", results);
    expect(recorded()).toEqual({ auth: true, phase: "require" });
    expect(results).toMatchObject(nothingFailed);
    expect(answers).toMatchObject(answers.map(() => ({ status: 200 })));
    expect(cluster.pairs("node2")).toBeGreaterThan(0);
  });
});

describe("while the SPIRE server is away", () => {
  test("who appears cannot authenticate; off lets them in, though evidence is missing and a waiver has ended, and waits for nothing of SPIRE's", async () => {
    const { stack } = cluster;
    cluster.plane.kubectl(["scale", "statefulset/spire-server", "--namespace", "spire", "--replicas=0"]);
    expect(await cluster.newcomer()).toMatchObject({ error: "no answer" });
    stack.set("rollout.phases.billing", "require");
    const waiver = { severity: "advisory", reason: "billing is moved in a night", until: "2020-01-01" };
    for (const [key, value] of Object.entries(waiver)) stack.set(`guardrails.one-step.${key}`, value);
    const refused = stack.failingUp();
    expect(refused).toMatch(/one-step: .*billing goes from off to require/);
    expect(refused).toMatch(/evidence: .*billing goes from off to require, but there is no evidence for billing/);
    stack.set("auth", "false");
    const output = stack.up();
    expect(output).toMatch(
      /billing: new -> off \(require is configured; this update turns auth off, and only relaxes\)/,
    );
    expect(output).toMatch(/guardrails\.one-step ended on 2020-01-01/);
    expect(await cluster.newcomer()).toMatchObject({ status: 200 });
    expect(stack.demands()[policy]).toEqual([]);
  });
});

test("ending it leaves no process, no control group, no network and no mount", async () => {
  const left = leftOf(cluster.plane.directory);
  expect(left()).not.toEqual([]);
  await cluster.stop();
  expect(left()).toEqual([]);
});
