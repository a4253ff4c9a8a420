import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { LabelledIdentity } from "../../live/readiness";
import { addressOf, identityLabelsOf, openConnections } from "../../verify/connections";

const identities: LabelledIdentity[] = [
  {
    number: "1001",
    namespace: "web",
    labels: {
      "k8s:app": "frontend",
      "k8s:io.kubernetes.pod.namespace": "web",
      "k8s:io.cilium.k8s.policy.serviceaccount": "frontend",
    },
  },
  {
    number: "1002",
    namespace: "orders",
    labels: {
      "k8s:app": "api",
      "k8s:io.kubernetes.pod.namespace": "orders",
      "k8s:io.cilium.k8s.policy.serviceaccount": "api",
    },
  },
];
const pods = [{ addresses: ["10.0.1.8", "fd00::8"], node: "node1", labels: { app: "api" } }];

/** An open connection from 10.0.2.7 to port 8080 of 10.0.1.8, as Go writes it. */
const entry = (key: object = {}, value: object = {}) => ({
  Key: {
    DestAddr: [10, 0, 2, 7],
    SourceAddr: [10, 0, 1, 8],
    // 8080 is 0x1f90, and 0x901f in the other order of bytes.
    DestPort: 0x901f,
    SourcePort: 0x0f27,
    NextHeader: 6,
    Flags: 1,
    ...key,
  },
  Value: { Union0: [0, 0], Packets: 3, Bytes: 300, Lifetime: 1, Flags: 0x10, SourceSecurityID: 1001, ...value },
});
const found = (...entries: object[]) => openConnections(JSON.stringify(entries), pods, identities);
const call = {
  from: { namespace: "web", serviceAccount: "frontend" },
  to: { app: "api" },
  port: 8080,
  protocol: "TCP",
};

describe("open connections to the pods of a namespace", () => {
  test("tell the caller by its identity, the pod by its address, and the port", () => {
    expect(found(entry())).toEqual([call]);
  });

  test("are found over IPv6 too", () => {
    const [SourceAddr, DestAddr] = [8, 9].map((last) => [0xfd, ...Array<number>(14).fill(0), last]);
    expect(found(entry({ SourceAddr, DestAddr }))).toEqual([call]);
  });

  test.each<[string, object, object]>([
    ["an answer's side", { Flags: 0 }, {}],
    ["a Service's", { Flags: 4 }, {}],
    ["what belongs to another connection", { Flags: 3 }, {}],
    ["UDP", { NextHeader: 17 }, {}],
    ["one that is being closed", {}, { Flags: 0x11 }],
    ["one that was never answered", {}, { Flags: 0 }],
    ["one to another pod", { SourceAddr: [10, 0, 1, 9] }, {}],
  ])("are not %s", (_, key, value) => {
    expect(found(entry(key, value))).toEqual([]);
  });

  test.each<[number, object]>([
    [1, { entities: ["host"], ownNode: true }],
    [2, { entities: ["world"], address: "10.0.2.7" }],
    [6, { entities: ["host"] }],
    [7, { entities: ["kube-apiserver"] }],
    [8, { entities: ["ingress"] }],
    [9, { entities: ["world"], address: "10.0.2.7" }],
    [(1 << 24) + 5, { entities: ["world"], address: "10.0.2.7" }],
    [(2 << 24) + 5, { entities: ["host"] }],
    [4, { entities: [], reserved: "health" }],
    [54321, { entities: [], reserved: "unknown" }],
  ])("of identity %i, which no object describes, are of what Cilium has it for", (SourceSecurityID, from) => {
    expect(found(entry({}, { SourceSecurityID }))).toEqual([{ ...call, from }]);
  });

  test("are none where an agent has none, and an error where it says something else", () => {
    expect(openConnections("null", pods, identities)).toEqual([]);
    expect(() => openConnections("cilium-dbg: not found", pods, identities)).toThrow(SyntaxError);
  });
});

test("the target is told by the labels of the pod's identity, without those that Cilium leaves out", () => {
  const labels = { app: "api", "pod-template-hash": "1234" };
  expect(identityLabelsOf(labels, "orders", identities)).toEqual({ app: "api" });
  expect(identityLabelsOf(labels, "other", identities)).toEqual(labels);
});

test("addresses are written as Kubernetes writes them", () => {
  expect(addressOf([192, 0, 2, 7])).toBe("192.0.2.7");
  expect(addressOf([0x20, 0x01, 0x0d, 0xb8, ...Array<number>(11).fill(0), 1])).toBe("2001:db8::1");
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      // The same address, written out, leads to the same text.
      const text = addressOf([...bytes]);
      expect(new URL(`http://[${text}]`).hostname).toBe(`[${text}]`);
    }),
  );
});
