import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { csiImages, references } from "../../../lab/nodes/clusterImages";
import { buildImage } from "../../../lab/nodes/images";
import { programOf } from "../../../lab/nodes/packages";
import { until } from "../../../lab/until";
import { buildTool } from "../../../tools/go";
import { withoutPack } from "../engine/stack";
import { commandsIn, runCommands } from "../page";
import { TestCluster } from "./cluster";

const client = "lab.invalid/client:1";
const id = "spiffe://apps.zt.internal/ns/web/sa/default";

let cluster: TestCluster;
beforeAll(async () => {
  const shell = Object.fromEntries(["ls", "grep", "sleep"].map((name) => [`/bin/${name}`, programOf(name)]));
  const files = { ...shell, "/spire-agent": buildTool("spire-agent") };
  const image = buildImage({ reference: client, files, entrypoint: ["sleep", "infinity"] });
  cluster = await TestCluster.start([...csiImages(), image]);
  const { stack, plane } = cluster;
  // It is for workloads, whatever Cilium asks of them.
  stack.set("auth", "false");
  stack.set("spire.csi", "{}");
  stack.set("spire.images.csiDriver", references.csiDriver);
  stack.set("spire.images.csiRegistrar", references.csiRegistrar);
  stack.set("spire.workloads", JSON.stringify([{ name: "web", namespaces: ["web"] }]));
  for (const namespace of ["web", "billing"])
    plane.kubectl(["label", "namespace", namespace, "pod-security.kubernetes.io/enforce=restricted"]);
  stack.up(withoutPack);
});
afterAll(() => cluster?.stop());

/** Runs a pod that its namespace, which is restricted, lets in, with the volume at /spiffe, on the first node. */
async function run(pod: string): Promise<void> {
  const [namespace, name] = pod.split("/") as [string, string];
  cluster.stack.apply("lab", [
    {
      apiVersion: "v1",
      kind: "Pod",
      metadata: { name, namespace },
      spec: {
        nodeName: "node1",
        // With 0 the API server forgets it at once, whatever is left of it.
        terminationGracePeriodSeconds: 1,
        securityContext: { runAsNonRoot: true, runAsUser: 1000, seccompProfile: { type: "RuntimeDefault" } },
        containers: [
          {
            name: "client",
            image: client,
            imagePullPolicy: "Never",
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ["ALL"] } },
            volumeMounts: [{ name: "spiffe", mountPath: "/spiffe", readOnly: true }],
          },
        ],
        volumes: [{ name: "spiffe", csi: { driver: "csi.spiffe.io", readOnly: true } }],
      },
    },
  ]);
  await until(`${pod} runs`, () => cluster.isRunning(pod), {
    seconds: 60,
    detail: () => cluster.plane.kubectl(["describe", "pod", name, "--namespace", namespace]),
  });
}

/** What a pod is told when it asks for its SVID. */
function asked(pod: string): string {
  try {
    return cluster.exec(pod, "/spire-agent", "api", "fetch", "x509", "-socketPath", "/spiffe/agent.sock");
  } catch (error) {
    return (error as Error).message;
  }
}
const getsItsSvid = (pod: string) =>
  until(`${pod} gets its SVID`, () => asked(pod).includes(`SPIFFE ID:\t\t${id}\n`), {
    seconds: 60,
    detail: () => asked(pod),
  });

/** A pod's directory on its node, and what is mounted in it. */
function leftOf(uid: string) {
  const { pid, directory } = cluster.node("node1");
  const mounts = readFileSync(`/proc/${pid}/mounts`, "utf8").split("\n");
  return {
    directory: existsSync(join(directory, "kubelet", "pods", uid)),
    mounts: mounts.filter((m) => m.includes(uid)),
  };
}
const uidOf = (pod: string) => cluster.jsonpath(`pod/${pod.split("/")[1]}`, pod.split("/")[0]!, "{.metadata.uid}");

/** Replaces pods of SPIRE's DaemonSets. */
function restart(daemonSet: string): void {
  const at = ["--namespace", "spire"];
  cluster.plane.kubectl(["rollout", "restart", `daemonset/${daemonSet}`, ...at]);
  cluster.plane.kubectl(["rollout", "status", `daemonset/${daemonSet}`, ...at, "--timeout=120s"]);
}

/** Runs commands of docs/spire.md, as they are there. */
const shell = (name: string): string =>
  runCommands(commandsIn("spire", name), { ...process.env, KUBECONFIG: cluster.plane.kubeconfig });

test("a restricted pod gets its SVID by the mounted socket, and finds nothing else there, least of all the admin socket", async () => {
  await run("web/shop");
  await getsItsSvid("web/shop");
  expect(cluster.exec("web/shop", "ls", "-A", "/spiffe")).toBe("agent.sock\n");
  expect(cluster.exec("web/shop", "grep", " /spiffe ", "/proc/mounts")).toMatch(/ ro,/);
});

test("a pod that is not registered gets none", async () => {
  await run("billing/shop");
  expect(asked("billing/shop")).toMatch(/PermissionDenied.*no identity issued/);
});

test("who has the volume keeps it while the agent is replaced, and while the driver is", async () => {
  for (const daemonSet of ["spire-agent", "spiffe-csi-driver"]) {
    restart(daemonSet);
    await getsItsSvid("web/shop");
  }
});

test("a pod ends, and nothing of its volume is left, also when another driver than the one that mounted it is asked", async () => {
  for (const pod of ["web/shop", "billing/shop"]) {
    const uid = uidOf(pod);
    expect(leftOf(uid).mounts).toContainEqual(expect.stringContaining("kubernetes.io~csi/spiffe/mount"));
    cluster.remove(pod);
    await until("nothing is left", () => !leftOf(uid).directory, { seconds: 60 });
    expect(leftOf(uid).mounts).toEqual([]);
  }
});

test("taken out of the configuration the driver stays, and pods begin and end as before", async () => {
  await run("web/early");
  cluster.stack.project.must(["config", "rm", "--stack", "apps", "--path", "spire.csi"]);
  cluster.stack.up(withoutPack);
  await run("web/late");
  await getsItsSvid("web/late");
  expect(shell("who has it").split("\n").sort()).toEqual(["", "web/early", "web/late"]);
  cluster.remove("web/early");
});

test("without a driver a pod goes on, and does not end before there is one again", async () => {
  shell("remove it");
  const drivers = ["get", "pods", "--namespace", "spire", "--selector", "app.kubernetes.io/name=spiffe-csi-driver"];
  await until("no driver is left", () => cluster.plane.kubectl([...drivers, "--output", "name"]) === "", {
    seconds: 60,
  });
  await getsItsSvid("web/late");
  const uid = uidOf("web/late");
  cluster.plane.kubectl(["delete", "pod", "late", "--namespace", "web", "--wait=false"]);
  const log = () => readFileSync(join(cluster.node("node1").directory, "kubelet.log"), "utf8").split("\n");
  await until("the kubelet looks for a driver", () =>
    log().some((line) => line.includes(uid) && line.includes("not found in the list of registered CSI drivers")),
  );
  expect(uidOf("web/late")).toBe(uid);

  cluster.stack.set("spire.csi", "{}");
  cluster.stack.up(withoutPack);
  cluster.plane.kubectl(["wait", "--for=delete", "pod/late", "--namespace", "web", "--timeout=180s"]);
  expect(leftOf(uid).mounts).toEqual([]);
});
