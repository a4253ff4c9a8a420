import { owned, type KubernetesObject } from "../../../core/util/kubernetes";
import { ownEntries } from "./registration";
import type { ManagedSpire } from "../settings";
import { nodeAliasPath, reservedPaths } from "../../../core/schema/spireNames";

/**
 * A ValidatingAdmissionPolicy and its binding. Who may write ClusterStaticEntries or ClusterSPIFFEIDs could otherwise name Cilium's operator, which is an admin of
 * SPIRE's server, or a node. The entries of this program may be what it makes them, and nothing else.
 */
export function registrationPolicy(args: ManagedSpire): [policy: KubernetesObject, binding: KubernetesObject] {
  const apiVersion = "admissionregistration.k8s.io/v1";
  const metadata = { name: "spire-registration", ...owned("spire-registration") };
  const names = ownEntries(args).map((entry) => entry.metadata.name);
  return [
    {
      apiVersion,
      kind: "ValidatingAdmissionPolicy",
      metadata,
      spec: {
        failurePolicy: "Fail",
        matchConstraints: {
          resourceRules: [
            {
              apiGroups: ["spire.spiffe.io"],
              apiVersions: ["v1alpha1"],
              operations: ["CREATE", "UPDATE"],
              resources: ["clusterstaticentries", "clusterspiffeids"],
            },
          ],
        },
        variables: [
          { name: "spec", expression: "dyn(object.spec)" },
          { name: "isStatic", expression: "has(variables.spec.spiffeID)" },
          // Without a name there is nothing that CEL could take for a list of text.
          {
            name: "isOwn",
            expression: names.length === 0 ? "false" : `variables.isStatic && object.metadata.name in ${list(names)}`,
          },
          // spiffe://<trust domain>/<first>/…: a template of a trust domain has no slash.
          {
            name: "segments",
            expression:
              'string(variables.isStatic ? variables.spec.spiffeID : variables.spec.spiffeIDTemplate).split("/")',
          },
        ],
        validations: validations(args),
      },
    },
    {
      apiVersion,
      kind: "ValidatingAdmissionPolicyBinding",
      metadata,
      spec: { policyName: metadata.name, validationActions: ["Deny"] },
    },
  ];
}

const list = (texts: readonly string[]) => JSON.stringify(texts);

function validations(args: ManagedSpire): object[] {
  const id = (path: string) => `spiffe://${args.trustDomain}${path}`;
  const alias = id(nodeAliasPath(args));
  const first = reservedPaths.map((path) => path.slice(1));
  const asPlanned = ownEntries(args).map(({ metadata: { name }, spec }) => {
    const { spiffeID, parentID, selectors } = spec as { spiffeID: string; parentID: string; selectors: string[] };
    const same = [
      `object.metadata.name == ${JSON.stringify(name)}`,
      `variables.spec.spiffeID == ${JSON.stringify(spiffeID)}`,
      `variables.spec.parentID == ${JSON.stringify(parentID)}`,
      `variables.spec.selectors == ${list(selectors)}`,
    ];
    return `(${same.join(" && ")})`;
  });
  return [
    {
      expression: '["admin", "downstream"].all(key, !(key in variables.spec) || variables.spec[key] == false)',
      message: "admin and downstream give rights over SPIRE's server, which no entry of this cluster has",
    },
    ...(asPlanned.length === 0
      ? []
      : [
          {
            expression: `!variables.isOwn || ${asPlanned.join(" || ")}`,
            message: "this entry is SPIRE's own or Cilium's, and what it says is decided by the program that made it",
          },
        ]),
    {
      expression: `variables.isOwn || (size(variables.segments) > 3 && variables.segments[2] in ${list([args.trustDomain, "{{ .TrustDomain }}", "{{.TrustDomain}}"])} && variables.segments[3].matches("^[A-Za-z0-9._-]+$"))`,
      message: `the SPIFFE ID has to be of the trust domain ${args.trustDomain}, and its path has to begin with a name, so that no pod decides whose it is`,
    },
    {
      expression: `variables.isOwn || size(variables.segments) < 4 || !(variables.segments[3] in ${list(first)} || variables.segments.join("/") == ${JSON.stringify(alias)})`,
      message: `a path below ${reservedPaths.join(", ")}, or ${nodeAliasPath(args)}, means somebody else`,
    },
    {
      expression: `variables.isOwn || !variables.isStatic || variables.spec.parentID == ${JSON.stringify(alias)} || variables.spec.parentID.startsWith(${JSON.stringify(id("/spire/agent/"))})`,
      message: `the parent has to be a node: ${alias} for all of them`,
    },
    {
      expression:
        '["ttl", "jwtTtl", "x509SVIDTTL", "jwtSVIDTTL"].all(key, !(key in variables.spec) || duration(variables.spec[key]) <= duration("24h"))',
      message: "an identity that lives for more than a day outlives what made it right",
    },
  ];
}
