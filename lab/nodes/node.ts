import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import type { Authority } from "../certificates";
import { authorityFile, base64, kubeconfig, pair } from "../files";
import { isRunning, LabError, lastWords, type ProcessRecord, type Start } from "../processes";
import { inGroup } from "../controlGroups";
import { until } from "../until";
import type { Image } from "./images";
import { nodeNetwork, services } from "./network";
import { programOf } from "./packages";

/** A node with a kubelet and containerd, in namespaces of its own. */
export interface RealNode {
  readonly name: string;
  readonly address: string;
  /** The number that its first process has outside: whoever enters its namespaces is on the node. */
  readonly pid: number;
  readonly directory: string;
}

export interface NodeOptions {
  /** The lab's directory. */
  readonly directory: string;
  /** From 1. */
  readonly number: number;
  /** A process in the lab's network. */
  readonly network: ProcessRecord;
  readonly authority: Authority;
  /** The API server, as nodes reach it. */
  readonly server: string;
  /** Paths of archives, in .build, that containerd is given before the kubelet starts. */
  readonly images: readonly string[];
  readonly group: string;
  readonly run: (start: Pick<Start, "name" | "program" | "args">) => ProcessRecord;
}

/**
 * Starts a node. It is there when its images are; that its kubelet has registered it, and when it is ready, the API server says.
 *
 * @throws LabError where one of its programs fails
 */
export async function startNode(options: NodeOptions): Promise<RealNode> {
  const { number, authority, server, images, group, run } = options;
  const name = `node${number}`;
  const address = nodeNetwork.address(number);
  const directory = join(options.directory, name);
  mkdirSync(directory);
  const credentials = authority.issue({
    commonName: `system:node:${name}`,
    organization: "system:nodes",
    names: [name],
    addresses: [address],
  });
  const client = {
    "client-certificate-data": base64(credentials.certificate),
    "client-key-data": base64(credentials.key),
  };
  const files = {
    [authorityFile]: authority.certificate,
    ...pair("kubelet", credentials),
    kubeconfig: kubeconfig(server, authority.certificate, client),
    "containerd.toml": containerd(),
    "images.txt": images.map((image) => `${image}\n`).join(""),
    "kubelet.json": JSON.stringify(kubelet(directory), null, 2),
  };
  for (const [file, content] of Object.entries(files)) writeFileSync(join(directory, file), content, { mode: 0o600 });

  const own = ["--net", "--mount", "--pid", "--uts", "--ipc", "--cgroup", "--fork", "--kill-child"];
  const args = [...own, "sh", resolve("lab/nodes/node.sh"), name, address, directory, resolve(".build")];
  const record = run({ name, ...inGroup(group, { program: "unshare", args }) });
  const detail = () => lastWords(options.directory, name);
  const reached = (file: string, seconds: number) =>
    until(
      `${name} is ${file}`,
      () => {
        if (!isRunning(record)) throw new LabError(`${name} has ended: ${detail()}`);
        return existsSync(join(directory, file));
      },
      { seconds, detail },
    );
  await reached("made", 30);
  const pid = Number(readFileSync(`/proc/${record.pid}/task/${record.pid}/children`, "utf8").trim());
  connect(options.network.pid, pid, name, address);
  writeFileSync(join(directory, "connected"), "");
  await reached("ready", 300);
  return { name, address, pid, directory };
}

/** Puts a node on the bridge. */
function connect(network: number, node: number, name: string, address: string): void {
  const within = (pid: number, ...args: readonly string[]) => {
    const { status, stderr } = spawnSync("nsenter", [`--net=/proc/${pid}/ns/net`, "ip", ...args], { encoding: "utf8" });
    if (status !== 0) throw new LabError(`ip ${args.join(" ")}: ${stderr}`);
  };
  within(network, "link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", `${node}`);
  within(network, "link", "set", name, "master", nodeNetwork.bridge, "up");
  within(node, "address", "add", `${address}/${nodeNetwork.prefix}`, "dev", "eth0");
  within(node, "link", "set", "eth0", "up");
  within(node, "route", "add", "default", "via", nodeNetwork.gateway);
}

/** The image of the container that holds a pod's namespaces: all that it does is to be there. */
export const pause = (): Image => ({
  reference: "lab.invalid/pause:1",
  files: { "/pause": programOf("sleep") },
  entrypoint: ["/pause", "infinity"],
});

const containerd = () => `version = 2
[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = "${pause().reference}"
  # Without the right to (CAP_SYS_RESOURCE), a process's score cannot be lowered.
  restrict_oom_score_adj = true
  disable_apparmor = true
`;

/** Nothing on the host is this node's to reserve, and no disk pressure of the host's is its own. */
const kubelet = (directory: string) => ({
  apiVersion: "kubelet.config.k8s.io/v1beta1",
  kind: "KubeletConfiguration",
  authentication: {
    anonymous: { enabled: false },
    webhook: { enabled: true, cacheTTL: "10s" },
    x509: { clientCAFile: join(directory, authorityFile) },
  },
  authorization: { mode: "Webhook" },
  tlsCertFile: join(directory, "kubelet.crt"),
  tlsPrivateKeyFile: join(directory, "kubelet.key"),
  cgroupDriver: "cgroupfs",
  failCgroupV1: false,
  failSwapOn: false,
  enforceNodeAllocatable: [],
  evictionHard: { "nodefs.available": "0%", "imagefs.available": "0%", "memory.available": "1Mi" },
  imageGCHighThresholdPercent: 100,
  containerRuntimeEndpoint: "unix:///run/containerd/containerd.sock",
  clusterDNS: [services.dns],
  clusterDomain: "cluster.local",
  // How soon a rotated token, or a changed ConfigMap, is in a pod.
  syncFrequency: "10s",
  registerWithTaints: [],
});
