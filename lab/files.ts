import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Authority, Certificate } from "./certificates";

/** Who has a token: the user, and the programs that play a part of their own. The API server's own roles are for the first two of these. */
const users = {
  "kube-controller-manager": { user: "system:kube-controller-manager", groups: "" },
  "kube-scheduler": { user: "system:kube-scheduler", groups: "" },
  kwok: { user: "kwok", groups: "system:masters" },
  lab: { user: "lab", groups: "system:masters" },
} as const;
export type User = keyof typeof users;

/** Who wrote what, and nothing about who read: one line for each write, when it is answered. */
const auditPolicy = {
  apiVersion: "audit.k8s.io/v1",
  kind: "Policy",
  omitStages: ["RequestReceived"],
  rules: [{ level: "None", verbs: ["get", "list", "watch"] }, { level: "Metadata" }],
};

/**
 * Writes what the API server wants to find when it starts: certificates, tokens, the key pair of service accounts, the audit policy.
 *
 * @param addresses of the API server
 */
export function writeServerFiles(
  directory: string,
  authority: Authority,
  addresses: readonly string[],
): Readonly<Record<User, string>> {
  mkdirSync(join(directory, "logs"), { recursive: true });
  const tokens = Object.fromEntries(Object.keys(users).map((user) => [user, randomBytes(24).toString("hex")]));
  const lines = Object.entries(users).map(([name, { user, groups }]) => `${tokens[name]},${user},${name},${groups}`);
  const { publicKey, privateKey } = generateKeyPairSync("ec", {
    namedCurve: "P-256",
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const service = ["kubernetes", "kubernetes.default", "kubernetes.default.svc"];
  const server = authority.issue({ commonName: "kube-apiserver", names: service, addresses });
  // For what it asks kubelets to do on a user's behalf: exec, logs.
  const kubeletClient = authority.issue({
    commonName: "kube-apiserver-kubelet-client",
    organization: "system:masters",
  });
  const files = {
    [authorityFile]: authority.certificate,
    ...pair("apiserver", server),
    ...pair("kubelet-client", kubeletClient),
    "tokens.csv": `${lines.join("\n")}\n`,
    "service-accounts.pub": publicKey,
    "service-accounts.key": privateKey,
    "audit-policy.json": JSON.stringify(auditPolicy),
  };
  for (const [file, content] of Object.entries(files)) writeFileSync(join(directory, file), content, { mode: 0o600 });
  return tokens as Record<User, string>;
}

/** The files of a certificate, in PEM. */
export const pair = (name: string, { certificate, key }: Certificate) => ({
  [`${name}.crt`]: certificate,
  [`${name}.key`]: key,
});

/** The certificate of the cluster's authority. */
export const authorityFile = "ca.crt";

/**
 * Writes a kubeconfig for each user. The contexts `apps` and `infra` both lead to the one API server, and `apps` is the current one.
 *
 * @returns the path of each
 */
export function writeKubeconfigs(directory: string, server: string, tokens: Readonly<Record<User, string>>) {
  const authority = readFileSync(join(directory, authorityFile), "utf8");
  const paths = Object.entries(tokens).map(([name, token]) => {
    const path = join(directory, name === "lab" ? "kubeconfig" : `${name}.kubeconfig`);
    writeFileSync(path, kubeconfig(server, authority, { token }), { mode: 0o600 });
    return [name, path];
  });
  return Object.fromEntries(paths) as Record<User, string>;
}

/** A kubeconfig of a user whose contexts `apps` and `infra` both lead to the one API server. */
export const kubeconfig = (server: string, authority: string, user: object) =>
  JSON.stringify(
    {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "lab", cluster: { server, "certificate-authority-data": base64(authority) } }],
      users: [{ name: "user", user }],
      contexts: ["apps", "infra"].map((context) => ({ name: context, context: { cluster: "lab", user: "user" } })),
      "current-context": "apps",
    },
    null,
    2,
  );

export const base64 = (text: string) => Buffer.from(text).toString("base64");
