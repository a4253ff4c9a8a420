import { spawn, spawnSync, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildTool } from "../../tools/go";
import { Authority } from "../certificates";
import type { ControlPlane } from "../controlPlane";
import { certificateRequests } from "../modules";

/** A CertificateRequest of cert-manager's, as much as is looked at. */
export interface CertificateRequest {
  readonly metadata: { readonly name: string; readonly labels?: Readonly<Record<string, string>> };
  readonly spec: { readonly request: string; readonly [field: string]: unknown };
  readonly status?: { readonly certificate?: string };
}

/**
 * What cert-manager does with the requests of a namespace by an issuer that is a CA, and with its own CRD: each is approved, signed as a CA and ready, or denied.
 * (cert-manager's controllers pkg/controller/certificaterequests/approver and ca.)
 */
export class CertManager {
  /** What was asked for so far. */
  readonly requests: CertificateRequest[] = [];
  /** Whether the next ones are denied. */
  denies = false;
  private readonly authority = new Authority();
  private readonly directory = mkdtempSync(join(tmpdir(), "zt-cert-manager-"));
  private readonly watch: ChildProcess;

  private constructor(
    private readonly cluster: ControlPlane,
    private readonly namespace: string,
  ) {
    const files = { "ca.crt": this.authority.certificate, "ca.key": this.authority.key, extensions };
    for (const [name, content] of Object.entries(files)) writeFileSync(join(this.directory, name), content);
    const names = ["--watch", '--output=jsonpath={.metadata.name}{"\\n"}'];
    this.watch = spawn(buildTool("kubectl"), ["get", kind, `--namespace=${namespace}`, ...names], {
      env: { ...process.env, KUBECONFIG: cluster.kubeconfig },
      stdio: ["ignore", "pipe", "inherit"],
    });
    if (this.watch.stdout) createInterface(this.watch.stdout).on("line", (name) => this.answer(name));
  }

  /** Installs the CRD, and answers from now on. */
  static start(cluster: ControlPlane, namespace: string): CertManager {
    cluster.kubectl(["apply", "--server-side", "--filename", certificateRequests()]);
    cluster.kubectl(["wait", "--for=condition=Established", `crd/${kind}.cert-manager.io`]);
    return new CertManager(cluster, namespace);
  }

  /** The issuer's own certificate, as PEM. */
  get root(): string {
    return this.authority.certificate;
  }

  /** Those that are there. */
  pending(): string[] {
    const get = ["get", kind, `--namespace=${this.namespace}`, "--output=name"];
    return this.cluster.kubectl(get).split("\n").filter(Boolean);
  }

  stop(): void {
    this.watch.kill();
    rmSync(this.directory, { recursive: true });
  }

  /** What happened to a request is told of more than once. */
  private answer(name: string): void {
    if (this.requests.some(({ metadata }) => metadata.name === name)) return;
    const place = [name, `--namespace=${this.namespace}`];
    const found = this.cluster.kubectl(["get", kind, ...place, "--ignore-not-found", "--output=json"]);
    if (found === "") return;
    const request = JSON.parse(found) as CertificateRequest;
    this.requests.push(request);
    const status = this.denies
      ? { conditions: [condition("Denied", "policy.cert-manager.io")] }
      : {
          conditions: [condition("Approved", "cert-manager.io"), condition("Ready", "Issued")],
          certificate: base64(this.sign(Buffer.from(request.spec.request, "base64").toString())),
          ca: base64(this.root),
        };
    const patch = ["--subresource=status", "--type=merge", `--patch=${JSON.stringify({ status })}`];
    this.cluster.kubectl(["patch", kind, ...place, ...patch]);
  }

  /** A CA's certificate for what asks for one, with the names that it asks for. By OpenSSL: node-forge knows no elliptic curves. */
  private sign(request: string): string {
    const at = (name: string) => join(this.directory, name);
    const { status, stdout, stderr } = spawnSync(
      "openssl",
      [
        ...["x509", "-req", "-days", "1", "-CA", at("ca.crt"), "-CAkey", at("ca.key")],
        ...[
          "-set_serial",
          `0x1${randomBytes(8).toString("hex")}`,
          "-copy_extensions",
          "copy",
          "-extfile",
          at("extensions"),
        ],
      ],
      { input: request, encoding: "utf8" },
    );
    if (status !== 0) throw new Error(`openssl: ${stderr}`);
    return stdout;
  }
}

const kind = "certificaterequests";

const extensions = `basicConstraints = critical, CA:true
keyUsage = critical, keyCertSign, cRLSign
subjectKeyIdentifier = hash
authorityKeyIdentifier = keyid
`;

const base64 = (text: string) => Buffer.from(text).toString("base64");

const condition = (type: string, reason: string) => ({
  type,
  status: "True",
  reason,
  message: `as cert-manager has it: ${type}`,
  lastTransitionTime: new Date().toISOString(),
});
