import { generateKeyPairSync, randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

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

/** Writes what the API server wants to find when it starts: tokens, the key pair of service accounts, the audit policy. */
export function writeServerFiles(directory: string): Readonly<Record<User, string>> {
  mkdirSync(join(directory, "logs"), { recursive: true });
  const tokens = Object.fromEntries(Object.keys(users).map((user) => [user, randomBytes(24).toString("hex")]));
  const lines = Object.entries(users).map(([name, { user, groups }]) => `${tokens[name]},${user},${name},${groups}`);
  const { publicKey, privateKey } = generateKeyPairSync("rsa", {
    modulusLength: 2048,
    publicKeyEncoding: { type: "spki", format: "pem" },
    privateKeyEncoding: { type: "pkcs8", format: "pem" },
  });
  const files = {
    "tokens.csv": `${lines.join("\n")}\n`,
    "service-accounts.pub": publicKey,
    "service-accounts.key": privateKey,
    "audit-policy.json": JSON.stringify(auditPolicy),
  };
  for (const [file, content] of Object.entries(files)) writeFileSync(join(directory, file), content, { mode: 0o600 });
  return tokens as Record<User, string>;
}

/** The certificate that the API server made for itself, its authority behind it: the authority to trust. */
export const serverCertificate = "certificates/apiserver.crt";

/**
 * Writes a kubeconfig for each user. The contexts `apps` and `infra` both lead to the one API server, and `apps` is the current one.
 *
 * @returns the path of each
 */
export function writeKubeconfigs(directory: string, server: string, tokens: Readonly<Record<User, string>>) {
  const authority = readFileSync(join(directory, serverCertificate)).toString("base64");
  const paths = Object.entries(tokens).map(([name, token]) => {
    const path = join(directory, name === "lab" ? "kubeconfig" : `${name}.kubeconfig`);
    const kubeconfig = {
      apiVersion: "v1",
      kind: "Config",
      clusters: [{ name: "lab", cluster: { server, "certificate-authority-data": authority } }],
      users: [{ name, user: { token } }],
      contexts: ["apps", "infra"].map((context) => ({ name: context, context: { cluster: "lab", user: name } })),
      "current-context": "apps",
    };
    writeFileSync(path, JSON.stringify(kubeconfig, null, 2), { mode: 0o600 });
    return [name, path];
  });
  return Object.fromEntries(paths) as Record<User, string>;
}
