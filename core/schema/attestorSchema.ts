import { X509Certificate } from "node:crypto";
import * as z from "zod";
import { certificatesIn } from "../util/pem";
import { googleServiceAccount, hinted, object, oneOf, some, text } from "./fields";

/** What agents show to be nodes (docs/spire.md). No key or secret is in it: those are on the nodes. */

const digest = (of: string, example: string) =>
  text(/^[0-9a-f]{64}$/, `the SHA-256 of ${of}: 64 hexadecimal digits in lower case`, example);
const plugin = (program: string) =>
  object({
    /** In the image. */
    path: text(/^(\/[\w.-]+)+$/, "an absolute path in the image", `/opt/spire/plugins/${program}`),
    /** SHA-256 of the program: SPIRE starts no other. */
    checksum: digest("the program", `$(sha256sum < ${program} | cut -c-64)`),
  });

const authorities = { allowed: "certificates of CAs, in PEM and nothing else", example: "< nodes-ca.pem" };

const isAuthority = (pem: string) => {
  try {
    return new X509Certificate(pem).ca;
  } catch {
    return false;
  }
};

/** What is not shown when it is wrong: somebody may have pasted a key. */
const ca = hinted(
  z.string().check(({ value, issues }) => {
    const found = certificatesIn(value);
    const rest = found.reduce((text, certificate) => text.replace(certificate, ""), value);
    if (found.length > 0 && found.every(isAuthority) && rest.trim() === "") return;
    const problem = rest.includes("PRIVATE KEY") ? "has a private key in it" : "is something else";
    issues.push({ code: "custom", input: value, params: { problem, ...authorities } });
  }),
  authorities.allowed,
  authorities.example,
);

export const nodeAttestor = oneOf({
  /** A certificate that each node has been given, whose common name is the node's name. */
  x509pop: object({
    /** Certificates of the CAs that sign them, which sign nothing else: who has one is a node. */
    ca,
    /** The directory of each node that has it as tls.crt (and its chain) and its key as tls.key, which nobody but root can read. */
    directory: text(
      /^(?!.*\/\.{1,2}(\/|$))(\/[\w.-]+){2,}$/,
      "an absolute path on the nodes, below a directory",
      "/etc/spire/node",
    ).default("/etc/spire/node"),
  }).optional(),
  /** The instance identity document of EC2, which is taken once of each instance. */
  awsIid: object({
    /** What all nodes of this cluster have, and no other instance that the server's role may look at. */
    selectors: some(
      text(
        /^(tag:[^\s"$]+:[^\s"$]*|iamrole:arn:aws[\w-]*:iam::[^\s"$]+|sg:(id|name):[^\s"$]+)$/,
        "tag:<key>:<value>, iamrole:<ARN>, sg:id:<id> or sg:name:<name>",
        "tag:kubernetes.io/cluster/apps:owned",
      ),
      { allowed: "a selector of SPIRE's plugin aws_iid", example: '"tag:kubernetes.io/cluster/apps:owned"' },
    ),
    /** The IAM role that EKS gives the service account spire-server. @default who the pod is anyway */
    roleArn: text(
      /^arn:aws[\w-]*:iam:[^\s"$]+$/,
      "an ARN of AWS",
      "arn:aws:iam::123456789012:role/spire-server",
    ).optional(),
  }).optional(),
  /** The identity token of an instance of Compute Engine, which is taken once of each instance. */
  gcpIit: object({
    /** Of the nodes. */
    project: text(/^([a-z0-9.-]+:)?[a-z][-a-z0-9]{4,28}[a-z0-9]$/, "the id of a project", "platform-123456"),
    /** What all nodes of this cluster have, and no other instance of the project. */
    selectors: some(
      text(
        /^(label:[a-z][-_a-z0-9]*:[-_a-z0-9]*|tag:[a-z][-a-z0-9]*|sa:[^\s"$@]+@[^\s"$@]+)$/,
        "label:<key>:<value>, tag:<tag> or sa:<service account>",
        "label:goog-k8s-cluster-name:apps",
      ),
      { allowed: "a selector of SPIRE's plugin gcp_iit", example: '"label:goog-k8s-cluster-name:apps"' },
    ),
    /** The Google service account that GKE gives the server's pod. @default who the pod is anyway */
    serviceAccount: googleServiceAccount.optional(),
  }).optional(),
  /** The nodes' TPM 2.0, by github.com/spiffe/spire-tpm-plugin, which is in images of yours. */
  tpm: object({
    /** SHA-256 of the public endorsement key of each node's TPM, as the plugin's get_tpm_pubhash has it. */
    hashes: some(digest("a TPM's public endorsement key", "$(get_tpm_pubhash)"), {
      allowed: "the SHA-256 of a TPM's public endorsement key",
      example: '"$(get_tpm_pubhash)"',
    }),
    /** In spire.images.server. */
    serverPlugin: plugin("tpm_attestor_server"),
    /** In spire.images.agent. */
    agentPlugin: plugin("tpm_attestor_agent"),
  }).optional(),
});
