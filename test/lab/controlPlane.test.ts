import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { startControlPlane, type ControlPlane } from "../../lab/controlPlane";
import { fakeNode } from "../../lab/fakeNodes";
import { onPath } from "../../lab/onPath";
import { isRunning, LabError } from "../../lab/processes";
import { readState } from "../../lab/state";
import { until } from "../../lab/until";
import { crash } from "./crash";

/** The processes that stand in a directory, as all do that the lab starts. */
const processesIn = (directory: string) =>
  readdirSync("/proc").filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/cwd`) === directory;
    } catch {
      return false;
    }
  });

const manifest = (apiVersion: string, kind: string, name: string, spec: object) =>
  JSON.stringify({ apiVersion, kind, metadata: { name, namespace: "default" }, spec });
const apply = ["apply", "--server-side", "--validate=strict", "--filename", "-"];

describe("a control plane", () => {
  let lab: ControlPlane;
  beforeAll(async () => {
    lab = await startControlPlane();
  });
  afterAll(() => lab.stop());

  const policy = (ingress: object) =>
    manifest("cilium.io/v2", "CiliumNetworkPolicy", "orders", { endpointSelector: {}, ingress: [ingress] });

  test("is ready, and both stacks' contexts lead to it", () => {
    expect(lab.server).toMatch(/^https:\/\/127\.0\.0\.1:\d+$/);
    const uid = (context: string) =>
      lab.kubectl(["--context", context, "get", "namespace", "kube-system", "--output=jsonpath={.metadata.uid}"]);
    expect(uid("apps")).toMatch(/^[0-9a-f-]{36}$/);
    expect(uid("infra")).toBe(uid("apps"));
    expect(lab.kubectl(["auth", "can-i", "*", "*"])).toBe("yes\n");
  });

  test("takes a policy that demands authentication", () => {
    expect(lab.kubectl(apply, policy({ fromEndpoints: [{}], authentication: { mode: "required" } }))).toMatch(
      /serverside-applied/,
    );
  });

  test("refuses a mode that Cilium does not have, and an unknown field where it is told to be strict", () => {
    const error = (ingress: object) => {
      expect(() => lab.kubectl(apply, policy(ingress))).toThrow(LabError);
      try {
        return lab.kubectl(apply, policy(ingress));
      } catch (error) {
        return (error as Error).message;
      }
    };
    expect(error({ authentication: { mode: "bogus" } })).toMatch(/mode: Unsupported value: "bogus"/);
    expect(error({ authentcation: { mode: "required" } })).toMatch(/authentcation: field not declared in schema/);
  });

  test("lets nobody in with a wrong token, and nobody at secrets without a role", () => {
    const whoami = (user: string) => lab.kubectl(["get", "secrets", "--all-namespaces", "--as", user]);
    expect(() => whoami("system:anonymous")).toThrow(/cannot list resource "secrets"/);
    expect(() => whoami("system:serviceaccount:default:default")).toThrow(/cannot list resource "secrets"/);
    expect(() => lab.kubectl(["--token=wrong", "get", "secrets"])).toThrow(/Unauthorized/);
  });

  test("has a line in its audit log for a write as soon as the write is answered, refused or not, and none for a read", () => {
    const lines = () =>
      readFileSync(lab.auditLog, "utf8")
        .trim()
        .split("\n")
        .map((line) => JSON.parse(line) as { verb: string; level: string; responseStatus: { code: number } })
        .filter((event) => JSON.stringify(event).includes("audited"));
    const config = JSON.stringify({ apiVersion: "v1", kind: "ConfigMap", metadata: { name: "audited" } });
    lab.kubectl(["create", "--filename", "-"], config);
    expect(() => lab.kubectl(["create", "--filename", "-"], config)).toThrow(/AlreadyExists/);
    lab.kubectl(["get", "configmap", "audited"]);
    lab.kubectl(["delete", "configmap", "audited", "--wait=false"]);
    expect(lines().map(({ verb, level, responseStatus }) => `${verb} ${level} ${responseStatus.code}`)).toEqual([
      "create Metadata 201",
      "create Metadata 409",
      "delete Metadata 200",
    ]);
  });

  test("is in a network of its own, into which only its gate leads", () => {
    const { processes } = readState(lab.directory) ?? expect.fail("it has no state");
    const network = (pid: number | "self") => readlinkSync(`/proc/${pid}/ns/net`);
    const outside = processes.filter(({ pid }) => network(pid) === network("self"));
    expect(outside.map(({ name }) => name)).toEqual(["gate"]);
    expect(processes.map(({ name }) => name)).toEqual(["network", "gate", "etcd", "kube-apiserver"]);
    const interfaces = readFileSync(`/proc/${processes[0]?.pid}/net/dev`, "utf8").match(/^ *\S+:/gm);
    expect(interfaces?.map((line) => line.trim())).toEqual(["lo:"]);
  });

  describe("says what is missing to make that network", () => {
    const path = mkdtempSync(join(tmpdir(), "zero-trust-test-"));
    beforeAll(() => {
      for (const name of ["go", "setpriv", "nsenter", "ip"])
        symlinkSync(onPath(name) ?? expect.fail(name), join(path, name));
      vi.stubEnv("PATH", path);
    });
    afterAll(() => {
      vi.unstubAllEnvs();
      rmSync(path, { recursive: true });
    });

    test("a program, with the command that installs it", async () => {
      await expect(startControlPlane()).rejects.toThrow(/^unshare is not installed, .*: apt-get install util-linux$/);
    });

    test("root, or user namespaces", async () => {
      const refusing = "#!/bin/sh\necho 'unshare: unshare failed: Operation not permitted'; exit 1\n";
      writeFileSync(join(path, "unshare"), refusing, { mode: 0o755 });
      await expect(startControlPlane()).rejects.toThrow(/needs root \(sudo\), or user namespaces, .*\n.*not permitted/);
    });
  });

  test("has, when its server is restarted, the same objects at the same address, and is ended with it", async () => {
    lab.kubectl(["create", "configmap", "kept"]);
    await lab.restartServer();
    expect(lab.kubectl(["get", "configmap", "kept", "--output", "name"])).toBe("configmap/kept\n");
    const servers = readState(lab.directory)?.processes.filter(({ name }) => name === "kube-apiserver");
    expect(servers).toHaveLength(1);
    expect(servers?.every(isRunning)).toBe(true);
  });

  test("runs beside another, which ends without it and leaves no process and no file", async () => {
    const other = await startControlPlane();
    const running = processesIn(other.directory);
    expect(running).toHaveLength(4);
    expect(other.server).not.toBe(lab.server);
    await other.stop();
    expect(processesIn(other.directory)).toEqual([]);
    expect(existsSync(other.directory)).toBe(false);
    expect(lab.kubectl(["get", "--raw", "/readyz"])).toBe("ok");
  });

  test("says what is wrong with nodes without controllers, and with a directory that is in use", async () => {
    await expect(startControlPlane({ nodes: 1 })).rejects.toThrow(/nodes need controllers/);
    await expect(startControlPlane({ directory: lab.directory })).rejects.toThrow(/is not empty/);
  });
});

describe("a control plane with controllers", () => {
  let lab: ControlPlane;
  beforeAll(async () => {
    lab = await startControlPlane({ controllers: true, nodes: 2 });
  });
  afterAll(() => lab.stop());

  const workload = (kind: string, name: string, more: object, mounts: object[]) => {
    const labels = { app: name };
    const containers = [{ name, image: "registry.test/none:1", volumeMounts: mounts }];
    const template = { metadata: { labels }, spec: { containers } };
    return manifest("apps/v1", kind, name, { selector: { matchLabels: labels }, template, ...more });
  };
  const rolledOut = (workload: string) => lab.kubectl(["rollout", "status", workload, "--timeout=60s"]);

  test("makes a DaemonSet ready on every node", () => {
    lab.kubectl(apply, workload("DaemonSet", "agent", {}, []));
    expect(rolledOut("daemonset/agent")).toMatch(/successfully rolled out/);
    const nodes = ["get", "pods", "--selector=app=agent", "--output=jsonpath={.items[*].spec.nodeName}"];
    expect(lab.kubectl(nodes).split(" ").sort()).toEqual(["node-1", "node-2"]);
  });

  test("makes a StatefulSet ready, with a volume for it", () => {
    const claim = { accessModes: ["ReadWriteOnce"], resources: { requests: { storage: "1Gi" } } };
    const volumeClaimTemplates = [{ metadata: { name: "data" }, spec: claim }];
    const more = { serviceName: "server", volumeClaimTemplates };
    lab.kubectl(apply, workload("StatefulSet", "server", more, [{ name: "data", mountPath: "/data" }]));
    rolledOut("statefulset/server");
    expect(lab.kubectl(["get", "pvc", "data-server-0", "--output=jsonpath={.status.phase}"])).toBe("Bound");
  });

  test("rolls a Deployment when its template changes", () => {
    lab.kubectl(apply, workload("Deployment", "web", { replicas: 2 }, []));
    rolledOut("deployment/web");
    lab.kubectl(["set", "image", "deployment/web", "web=registry.test/none:2"]);
    expect(rolledOut("deployment/web")).toMatch(/successfully rolled out/);
  });

  test("leaves a node alone that is not its own", () => {
    const node = (name: string, annotations: object) =>
      lab.kubectl(apply, JSON.stringify({ apiVersion: "v1", kind: "Node", metadata: { name, annotations } }));
    node("real", {});
    node("late", { [fakeNode]: "fake" });
    lab.kubectl(["wait", "--for=condition=Ready", "node/late", "--timeout=60s"]);
    expect(lab.kubectl(["get", "node", "real", "--output=jsonpath={.status.capacity}"])).toBe("");
  });
});

describe("a predecessor that was killed", () => {
  test("leaves no process behind, whatever it had started", async () => {
    const directory = await crash();
    const { processes } = readState(directory) ?? expect.fail("it has no state");
    expect(processes.map(({ name }) => name)).toEqual(["network", "gate", "etcd", "kube-apiserver"]);
    await until("all of them have ended", () => !processes.some(isRunning));
    expect(processesIn(directory)).toEqual([]);
  });

  test("is cleaned up by the next start: its files, and no process that has a number of its own by now", async () => {
    const directory = await crash();
    // As if the number of one had gone to somebody else: this process.
    const state = join(directory, "state.json");
    const { processes, ...rest } = JSON.parse(readFileSync(state, "utf8")) as { processes: { started: string }[] };
    const reused = { ...processes[0], name: "reused", pid: process.pid };
    writeFileSync(state, JSON.stringify({ ...rest, processes: [...processes, reused] }));

    const lab = await startControlPlane();
    await lab.stop();
    expect(existsSync(directory)).toBe(false);
  });
});
