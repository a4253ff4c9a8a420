import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { load } from "js-yaml";
import type { KubernetesObject } from "../core/util/kubernetes";
import { buildTool, downloadModule } from "../tools/go";
import type { ControlPlane } from "./controlPlane";
import { startProcess, type Process } from "./spire/process";

/** The source of cert-manager and of the projects beside it, which have their CRDs and cert-manager's chart. The version of the first is that of the program in tools/cert-manager. */
export const certManagerModule = () =>
  downloadModule("github.com/cert-manager/cert-manager", "v1.21.2", "h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=");
const approverModule = () =>
  downloadModule(
    "github.com/cert-manager/approver-policy",
    "v0.28.0",
    "h1:tZNWjYkGd5+Cs9qflP4xkzml5pWTserC4AEWI9omPZA=",
  );
const trustModule = () =>
  downloadModule("github.com/cert-manager/trust-manager", "v0.25.0", "h1:nGtkHH9wEacI5uACdsq8wqCKWsCw1PMrwHPJcrUFUXA=");

/** Applies the CRDs of cert-manager, approver-policy and trust-manager. */
export function installDefinitions(cluster: ControlPlane): void {
  const crds = [certManagerModule(), approverModule(), trustModule()].flatMap((source) => {
    const directory = join(source, "deploy/crds");
    const files = readdirSync(directory).filter((file) => file.endsWith(".yaml"));
    return files.map((file) => load(readFileSync(join(directory, file), "utf8")) as KubernetesObject);
  });
  const list = { apiVersion: "v1", kind: "List", items: crds };
  cluster.kubectl(["apply", "--server-side", "--filename", "-"], JSON.stringify(list));
  const names = crds.map(({ metadata }) => `crd/${metadata.name}`);
  cluster.kubectl(["wait", "--for=condition=Established", ...names, "--timeout=60s"]);
}

/** cert-manager's controllers on an API server that has their CRDs, without its webhook. */
export interface CertManager {
  readonly process: Process;
  stop(): Promise<void>;
}

/** @param namespace cert-manager's own, where ClusterIssuers have their Secrets */
export async function startCertManager(cluster: ControlPlane, namespace: string): Promise<CertManager> {
  const directory = mkdtempSync(join(tmpdir(), "zt-cert-manager-"));
  const command = [buildTool("cert-manager"), "run", cluster.kubeconfig, namespace] as const;
  const process = await startProcess("cert-manager", command, { directory });
  return {
    process,
    stop: async () => {
      await process.stop();
      rmSync(directory, { recursive: true });
    },
  };
}
