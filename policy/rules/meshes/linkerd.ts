import { BlockList, isIP } from "node:net";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import { isSet, when, type Refusal } from "../refusal";
import { listOf, recordOf, textOf } from "../values";
import { isBlock } from "./istio";

/**
 * The rules of Linkerd's webhook, which its CRDs have not (linkerd2 2.20, policy-controller/runtime/src/admission.rs and validation.rs), for the kinds that this program
 * makes. Left out: Rust's grammar of regular expressions, filters and timeouts of routes, and the kinds of ExternalWorkloads.
 */
export function refusedByLinkerd({ kind, metadata: { namespace = "default" }, spec }: KubernetesObject): Refusal[] {
  return rules[kind]?.(recordOf(spec), namespace) ?? [];
}

type Fields = Readonly<Record<string, unknown>>;

const rules: Readonly<Record<string, ((spec: Fields, namespace: string) => Refusal[]) | undefined>> = {
  AuthorizationPolicy: authorizationPolicy,
  MeshTLSAuthentication: meshTls,
  NetworkAuthentication: networks,
  Server: ({ accessPolicy }) =>
    when(
      isSet(accessPolicy) && !accessPolicies.includes(textOf(accessPolicy)),
      "spec.accessPolicy",
      `is ${textOf(accessPolicy)}; write one of ${accessPolicies.join(", ")}`,
    ),
  HTTPRoute: route,
};

/** DefaultPolicy of policy-controller/k8s/index. */
const accessPolicies = [
  "deny",
  "audit",
  "all-authenticated",
  "all-unauthenticated",
  "cluster-authenticated",
  "cluster-unauthenticated",
];

const own = "policy.linkerd.io";
/** Whether a reference is to a kind: groups and kinds are compared without case, and the core group is nobody's or `core`. */
function isTo(ref: unknown, group: string, kind: string): boolean {
  const { group: named = "", kind: of } = recordOf(ref);
  const core = (name: string) => (name.toLowerCase() === "core" ? "" : name.toLowerCase());
  return core(textOf(named)) === group && textOf(of).toLowerCase() === kind.toLowerCase();
}

function authorizationPolicy({ targetRef, requiredAuthenticationRefs }: Fields, namespace: string): Refusal[] {
  const isNamespace = isTo(targetRef, "", "Namespace");
  const { kind, name } = recordOf(targetRef);
  const known = ["Server", "HTTPRoute"].some((kind) => isTo(targetRef, own, kind));
  const gateway = ["HTTPRoute", "GRPCRoute"].some((kind) => isTo(targetRef, "gateway.networking.k8s.io", kind));
  const refs = listOf(requiredAuthenticationRefs);
  const count = (group: string, kind: string) => refs.filter((ref) => isTo(ref, group, kind)).length;
  const [mtls, accounts, networks] = [
    count(own, "MeshTLSAuthentication"),
    count("", "ServiceAccount"),
    count(own, "NetworkAuthentication"),
  ];
  const at = "spec.requiredAuthenticationRefs";
  return [
    ...when(
      !known && !gateway && !isNamespace,
      "spec.targetRef",
      `is to ${textOf(kind)}; write a Server, a route or the Namespace, with its group`,
    ),
    ...when(
      isNamespace && name !== namespace,
      "spec.targetRef.name",
      `is ${textOf(name)}; write ${namespace}, the policy's own`,
    ),
    ...when(
      mtls + accounts > 1,
      at,
      "has several of MeshTLSAuthentication and ServiceAccount, all of which a caller would have to be; write one MeshTLSAuthentication that names them",
    ),
    ...when(networks > 1, at, "has several of NetworkAuthentication; write one"),
    ...when(
      mtls + accounts + networks < refs.length,
      at,
      "has a kind that authenticates nobody; write MeshTLSAuthentication, NetworkAuthentication or ServiceAccount, with its group",
    ),
  ];
}

/** A name as Linkerd's proxies have, or any below one with `*.`; or a SPIFFE ID (DNS_LIKE_IDENTITY_REGEX and validate_identity in validation.rs). */
const dnsLike = /^(\*|[a-z0-9]([-a-z0-9]*[a-z0-9])?)(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$/;
const spiffeId = /^spiffe:\/\/[-a-z0-9._]+(\/(?!\.{1,2}(\/|$))[-A-Za-z0-9._]+)*$/;

function meshTls({ identities, identityRefs }: Fields): Refusal[] {
  return [
    ...listOf(identities).flatMap((id, i) =>
      when(
        !dnsLike.test(textOf(id)) && !spiffeId.test(textOf(id)),
        `spec.identities[${i}]`,
        `is ${textOf(id)}; write <account>.<namespace>.serviceaccount.identity.<Linkerd's namespace>.<trust domain>, or a SPIFFE ID`,
      ),
    ),
    ...listOf(identityRefs).flatMap((ref, i) => {
      const at = `spec.identityRefs[${i}]`;
      const isNamespace = isTo(ref, "", "Namespace");
      return [
        ...when(
          !isNamespace && !isTo(ref, "", "ServiceAccount"),
          at,
          `is to ${textOf(recordOf(ref)["kind"])}; write a ServiceAccount or a Namespace, without a group`,
        ),
        ...when(isNamespace && isSet(recordOf(ref)["namespace"]), `${at}.namespace`, "is for no Namespace; remove it"),
      ];
    }),
  ];
}

function networks({ networks: list }: Fields): Refusal[] {
  return [
    ...when(listOf(list).length === 0, "spec.networks", "is empty; write one or more"),
    ...listOf(list)
      .map(recordOf)
      .flatMap(({ cidr, except }, i) => {
        const at = `spec.networks[${i}]`;
        if (!isBlock(textOf(cidr)))
          return [{ path: `${at}.cidr`, message: `is ${textOf(cidr)}; write a network as 192.0.2.0/24` }];
        return listOf(except).flatMap((hole, j) =>
          isBlock(textOf(hole)) && (!contains(textOf(cidr), textOf(hole)) || contains(textOf(hole), textOf(cidr)))
            ? [
                {
                  path: `${at}.except[${j}]`,
                  message: `is ${textOf(hole)}; write a part of ${textOf(cidr)}, and not all of it`,
                },
              ]
            : when(!isBlock(textOf(hole)), `${at}.except[${j}]`, `is ${textOf(hole)}; write a network`),
        );
      }),
  ];
}

/** Whether one network is all in another. */
function contains(outer: string, inner: string): boolean {
  const parse = (text: string) => {
    const [address = "", length] = text.split("/");
    const family = isIP(address) === 4 ? ("ipv4" as const) : ("ipv6" as const);
    return { address, family, length: length === undefined ? (family === "ipv4" ? 32 : 128) : Number(length) };
  };
  const [a, b] = [parse(outer), parse(inner)];
  if (a.family !== b.family || a.length > b.length) return false;
  const block = new BlockList();
  block.addSubnet(a.address, a.length, a.family);
  return block.check(b.address, b.family);
}

/** try_match of policy-controller/k8s/index: paths are absolute, and methods tokens. */
function route({ rules }: Fields): Refusal[] {
  return listOf(rules).flatMap((rule, i) =>
    listOf(recordOf(rule)["matches"])
      .map(recordOf)
      .flatMap(({ path, method }, j) => {
        const at = `spec.rules[${i}].matches[${j}]`;
        const { type = "PathPrefix", value } = recordOf(path);
        return [
          ...when(
            isSet(path) && type !== "RegularExpression" && !textOf(value ?? "/").startsWith("/"),
            `${at}.path.value`,
            `is ${textOf(value)}; write a path that begins with /`,
          ),
          ...when(
            isSet(method) && !/^[\w!#$%&'*+.^`|~-]+$/.test(textOf(method)),
            `${at}.method`,
            `is ${textOf(method)}; write a method of HTTP`,
          ),
        ];
      }),
  );
}
