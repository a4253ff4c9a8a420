import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { nameOf } from "../../core/rollout/evidence";
import { callerOf, sightingOf } from "../../verify/calls";
import type { Flow } from "../../verify/observer";
import { Tally } from "../../verify/tally";
import { api, flow, frontend, pod, reserved, tcp } from "./flows";

const sighting = (overrides: Partial<Flow> = {}) => sightingOf(flow(overrides), "orders");

describe("a flow tells of a call:", () => {
  test("who called which pods of the namespace, on which port, and when", () => {
    expect(sighting()).toEqual({
      from: { namespace: "web", serviceAccount: "frontend" },
      to: { app: "api" },
      port: 8080,
      protocol: "TCP",
      at: 1_790_000_000_000,
      job: false,
      authenticated: false,
    });
  });

  test("a pod of the default service account is told by it", () => {
    const labels = ["k8s:io.kubernetes.pod.namespace=web"];
    expect(callerOf(labels, undefined)).toEqual({ namespace: "web", serviceAccount: "default" });
  });

  test("whether Cilium had asked SPIRE", () => {
    expect(sighting({ auth_type: "SPIRE" })?.authenticated).toBe(true);
  });

  test("whether the caller is a Job, which its own node alone knows", () => {
    const workloads = [{ name: "nightly", kind: "CronJob" }];
    const seen = { event_type: { type: 4 }, trace_reason: "NEW", traffic_direction: "EGRESS" };
    expect(sighting({ ...seen, source: { ...frontend, workloads } })?.job).toBe(true);
    expect(sighting({ ...seen, source: { ...frontend, workloads: [{ name: "web", kind: "Deployment" }] } })?.job).toBe(
      false,
    );
  });

  test.each([
    ["UDP", { protocol: "UDP", UDP: { destination_port: 53 } }, 53],
    ["SCTP", { protocol: "SCTP", SCTP: { destination_port: 36412 } }, 36412],
    ["ICMP", { protocol: "ICMPv4" }, 0],
    ["ICMP", { protocol: "ICMPv6" }, 0],
    ["other", {}, 0],
    ["other", null, 0],
  ] as const)("%s is no TCP", (protocol, l4, port) => {
    expect(sighting({ l4 })).toMatchObject({ protocol, port });
  });

  test.each<[string, Partial<Flow>, boolean]>([
    ["a verdict", {}, true],
    ["a verdict about what leaves", { traffic_direction: "EGRESS" }, false],
    ["the first packet at the pod", { event_type: { type: 4 }, trace_reason: "NEW" }, true],
    ["a later packet", { event_type: { type: 4 }, trace_reason: "ESTABLISHED" }, false],
    ["a reply", { event_type: { type: 4 }, trace_reason: "REPLY", is_reply: { value: true } }, false],
    ["the first packet of a reply", { event_type: { type: 4 }, trace_reason: "NEW", is_reply: { value: true } }, false],
    ["a first packet that was dropped", { event_type: { type: 1 }, is_reply: null }, true],
    [
      "a later one that was dropped",
      { event_type: { type: 1 }, is_reply: null, l4: tcp(8080, { SYN: false, ACK: true }) },
      false,
    ],
    [
      "an answer that was dropped",
      { event_type: { type: 1 }, is_reply: null, l4: tcp(8080, { SYN: true, ACK: true }) },
      false,
    ],
    ["what the caller's own node has dropped", { event_type: { type: 1 }, traffic_direction: "EGRESS" }, false],
    ["another event", { event_type: { type: 129 } }, false],
    ["a call to another namespace", { destination: pod("other", "api", { app: "api" }) }, false],
    ["a flow without its ends", { source: null, destination: null }, false],
  ])("whether it is the beginning of one: %s", (_, overrides, tells) => {
    expect(sighting(overrides) !== undefined).toBe(tells);
  });
});

describe("a caller that is no workload", () => {
  test.each([
    [["host"], { entities: ["host"], ownNode: true }],
    [["remote-node"], { entities: ["host"] }],
    [["kube-apiserver", "remote-node"], { entities: ["host", "kube-apiserver"] }],
    [["kube-apiserver", "world"], { entities: ["kube-apiserver", "world"], address: "192.0.2.7" }],
    [["ingress"], { entities: ["ingress"] }],
    [["world"], { entities: ["world"], address: "192.0.2.7" }],
    [["world-ipv6"], { entities: ["world"], address: "192.0.2.7" }],
    [["init"], { entities: [], reserved: "init" }],
    [["health"], { entities: [], reserved: "health" }],
    [[], { entities: [], reserved: "unknown" }],
  ])("is what its identity %j says", (names, from) => {
    expect(sighting({ source: reserved(...names), IP: { source: "192.0.2.7" } })?.from).toEqual(from);
  });

  test("is outside the cluster where its identity is made of its address", () => {
    expect(callerOf(["cidr:192.0.2.0/24"], "192.0.2.7")).toEqual({ entities: ["world"], address: "192.0.2.7" });
  });

  test("has a name of its own", () => {
    const callers = [
      ...[["host"], ["remote-node"], ["kube-apiserver"], ["kube-apiserver", "host"], ["kube-apiserver", "remote-node"]],
      ...[["ingress"], ["world"], ["world", "kube-apiserver"], ["init"], ["health"]],
    ].map((names) =>
      nameOf(
        callerOf(
          names.map((name) => `reserved:${name}`),
          "192.0.2.7",
        ),
      ),
    );
    expect(new Set(callers).size).toBe(callers.length);
  });
});

test("what was seen is added up, in whatever order", () => {
  const flows = fc.array(
    fc.record({
      source: fc.constantFrom(frontend, reserved("world"), reserved("host"), pod("web", "other")),
      destination: fc.constantFrom(api, pod("orders", "db", { app: "db" })),
      l4: fc.constantFrom(tcp(80), tcp(8080)),
      time: fc.record({ seconds: fc.integer({ min: 1, max: 9 }), nanos: fc.constant(0) }),
    }),
  );
  const tallyOf = (all: readonly Partial<Flow>[]) => {
    const tally = new Tally();
    for (const one of all) tally.add(sighting(one) ?? expect.fail());
    return tally.seen.map((seen) => JSON.stringify(seen)).sort();
  };
  fc.assert(
    fc.property(
      flows.chain((all) => fc.tuple(fc.constant(all), fc.shuffledSubarray(all, { minLength: all.length }))),
      ([all, shuffled]) => {
        expect(tallyOf(shuffled)).toEqual(tallyOf(all));
        const sum = tallyOf(all).reduce((count, seen) => count + (JSON.parse(seen) as { flows: number }).flows, 0);
        expect(sum).toBe(all.length);
      },
    ),
  );
});
