import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { downloadModule } from "../tools/go";

/** A real API server with Cilium's CRDs, on loopback. */
export interface ControlPlane {
  /** The path of a kubeconfig whose contexts `apps` and `infra` both lead here, as a cluster-admin. */
  readonly kubeconfig: string;
  readonly server: string;
  readonly directory: string;
  readonly auditLog: string;
  kubectl(args: readonly string[], input?: string): string;
  stop(): Promise<void>;
}

/** Starts etcd and kube-apiserver, both from PATH, without controllers. */
export async function startControlPlane(
  options: { controllers?: boolean; nodes?: number } = {},
): Promise<ControlPlane> {
  if (options.controllers) throw new Error("controllers are not there yet");
  const directory = mkdtempSync(join(tmpdir(), "zero-trust-"));
  const file = (name: string, text: string) => {
    writeFileSync(join(directory, name), text);
    return join(directory, name);
  };
  const [port, client, peer] = (await freePorts(3)) as [number, number, number];
  const server = `https://127.0.0.1:${port}`;
  const auditLog = join(directory, "audit.log");
  const key = generateKeyPairSync("ec", { namedCurve: "P-256" }).privateKey.export({ type: "sec1", format: "pem" });
  const keyFile = file("key.pem", key as string);
  const urls = { client: `http://127.0.0.1:${client}`, peer: `http://127.0.0.1:${peer}` };
  const start = (program: string, args: readonly string[]) => spawn(program, args, { stdio: "ignore" });
  const processes: ChildProcess[] = [
    start("etcd", [
      `--data-dir=${join(directory, "etcd")}`,
      `--listen-client-urls=${urls.client}`,
      `--advertise-client-urls=${urls.client}`,
      `--listen-peer-urls=${urls.peer}`,
    ]),
    start("kube-apiserver", [
      `--etcd-servers=${urls.client}`,
      "--service-account-issuer=https://kubernetes.default.svc",
      `--service-account-key-file=${keyFile}`,
      `--service-account-signing-key-file=${keyFile}`,
      `--token-auth-file=${file("tokens.csv", "admin,admin,admin,system:masters\n")}`,
      "--authorization-mode=RBAC",
      `--secure-port=${port}`,
      "--bind-address=127.0.0.1",
      `--cert-dir=${join(directory, "certificates")}`,
      "--service-cluster-ip-range=10.96.0.0/16",
      `--audit-log-path=${auditLog}`,
      `--audit-policy-file=${file("audit.json", '{"apiVersion":"audit.k8s.io/v1","kind":"Policy","rules":[{"level":"Metadata"}]}')}`,
    ]),
  ];
  const cluster = { server, "insecure-skip-tls-verify": true };
  const kubeconfig = file(
    "kubeconfig",
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "apps",
      clusters: [{ name: "lab", cluster }],
      users: [{ name: "admin", user: { token: "admin" } }],
      contexts: ["apps", "infra"].map((name) => ({ name, context: { cluster: "lab", user: "admin" } })),
    }),
  );
  const kubectl = (args: readonly string[], input = "") => {
    const environment = { ...process.env, KUBECONFIG: kubeconfig };
    const { status, stdout, stderr } = spawnSync("kubectl", args, { env: environment, input, encoding: "utf8" });
    if (status !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr.trim()}`);
    return stdout;
  };
  const stop = async () => {
    for (const process of processes.reverse()) {
      const gone = once(process, "exit");
      process.kill("SIGKILL");
      await gone;
    }
    rmSync(directory, { recursive: true });
  };
  const eventually = async (args: readonly string[]) => {
    for (let attempt = 0; ; attempt++)
      try {
        return kubectl(args);
      } catch (error) {
        if (attempt === 300) throw error;
        await setTimeout(200);
      }
  };
  await eventually(["get", "namespace", "default", "kube-system"]);
  const cilium = downloadModule(
    "github.com/cilium/cilium",
    "v1.19.3",
    "h1:foJrHPk45HwshOd8Qf/kptf9JxPfNySkIDKsetZa9+Y=",
  );
  const definition = "pkg/k8s/apis/cilium.io/client/crds/v2/ciliumnetworkpolicies.yaml";
  kubectl(["apply", "--server-side", "-f", join(cilium, definition)]);
  await eventually(["wait", "--for=condition=Established", "crd", "--all", "--timeout=60s"]);
  return { kubeconfig, server, directory, auditLog, kubectl, stop };
}

async function freePorts(count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const ports = servers.map((server) => (server.address() as AddressInfo).port);
  await Promise.all(servers.map((server) => new Promise((closed) => server.close(closed))));
  return ports;
}
