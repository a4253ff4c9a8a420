import { spawnSync } from "node:child_process";
import { generateKeyPairSync } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePorts } from "./spire/ports";
import { startProcess, type Process } from "./spire/process";
import { programPath } from "./spire/programs";
import { until } from "./spire/until";

export interface ControlPlane {
  /** Path of a kubeconfig for an administrator. */
  readonly kubeconfig: string;
  /** `https://127.0.0.1:<port>`. */
  readonly server: string;
  /** A directory that goes when it stops. */
  readonly directory: string;
  /** Path of the API server's audit log, one JSON object a line. */
  readonly auditLog: string;
  /**
   * Runs kubectl as the administrator.
   *
   * @returns what it writes
   * @throws with what it says where it fails
   */
  kubectl(args: readonly string[], input?: string): string;
  stop(): Promise<void>;
}

/** etcd and an API server on free ports of loopback, in a temporary directory. */
export async function startControlPlane(): Promise<ControlPlane> {
  const directory = mkdtempSync(join(tmpdir(), "zt-"));
  const file = (name: string) => join(directory, name);
  const [client = 0, peer = 0, api = 0] = await freePorts(3);
  const server = `https://127.0.0.1:${api}`;
  const { privateKey, publicKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
    publicKeyEncoding: { type: "spki", format: "pem" },
  });
  const kubeconfig = file("kubeconfig");
  const cluster = { server, "insecure-skip-tls-verify": true };
  const files = {
    "sa.key": privateKey,
    "sa.pub": publicKey,
    "tokens.csv": "administrator,administrator,administrator,system:masters\n",
    "audit.json": JSON.stringify({
      apiVersion: "audit.k8s.io/v1",
      kind: "Policy",
      omitStages: ["RequestReceived"],
      rules: [{ level: "Metadata" }],
    }),
    kubeconfig: JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      "current-context": "lab",
      clusters: [{ name: "lab", cluster }],
      users: [{ name: "lab", user: { token: "administrator" } }],
      contexts: [{ name: "lab", context: { cluster: "lab", user: "lab" } }],
    }),
  };
  for (const [name, content] of Object.entries(files)) writeFileSync(file(name), content, { mode: 0o600 });

  const processes: Process[] = [];
  const stop = async () => {
    for (const process of processes.reverse()) await process.stop();
    rmSync(directory, { recursive: true });
  };
  const kubectl = (args: readonly string[], input = "") => {
    const call = [programPath("kubectl"), ["--kubeconfig", kubeconfig, ...args]] as const;
    const { status, stdout, stderr } = spawnSync(...call, { input, encoding: "utf8", maxBuffer: 1 << 28 });
    if (status !== 0) throw new Error(`kubectl ${args.join(" ")}: ${stderr}`);
    return stdout;
  };
  const url = (port: number) => `http://127.0.0.1:${port}`;
  try {
    processes.push(
      await startProcess(
        "etcd",
        [
          programPath("etcd"),
          "--data-dir=etcd",
          "--unsafe-no-fsync",
          `--listen-client-urls=${url(client)}`,
          `--advertise-client-urls=${url(client)}`,
          `--listen-peer-urls=${url(peer)}`,
        ],
        { directory },
      ),
    );
    const apiserver = await startProcess(
      "kube-apiserver",
      [
        programPath("kube-apiserver"),
        `--etcd-servers=${url(client)}`,
        "--service-account-issuer=https://kubernetes.default.svc",
        "--service-account-key-file=sa.pub",
        "--service-account-signing-key-file=sa.key",
        "--token-auth-file=tokens.csv",
        "--authorization-mode=RBAC",
        `--secure-port=${api}`,
        "--bind-address=127.0.0.1",
        "--cert-dir=certificates",
        "--service-cluster-ip-range=10.96.0.0/16",
        "--allow-privileged=true",
        "--audit-policy-file=audit.json",
        "--audit-log-path=audit.log",
      ],
      { directory },
    );
    processes.push(apiserver);
    const ready = () => {
      try {
        return kubectl(["get", "--raw", "/readyz"]) === "ok";
      } catch {
        return false;
      }
    };
    await until("the API server is ready", ready, { seconds: 60, detail: () => apiserver.log().slice(-2000) });
  } catch (error) {
    await stop();
    throw error;
  }
  return { kubeconfig, server, directory, auditLog: file("audit.log"), kubectl, stop };
}
