import { BlockList, isIPv6 } from "node:net";

/**
 * What Linkerd's proxies make of Servers, HTTPRoutes and AuthorizationPolicies, as its documentation (reference/authorization-policy, reference/httproute) and the sources of its proxy and policy controller have it,
 * and without a look at the compiler.
 */
export interface LinkerdRequest {
  /** The service account of the caller's certificate, and its trust domain where that is not the mesh's; without it the caller is not of the mesh. */
  readonly identity?: {
    readonly namespace: string;
    readonly serviceAccount: string;
    readonly trustDomain?: string | undefined;
  };
  readonly address: string;
  readonly to: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
  readonly port: number;
  /** Without it: a connection that is no HTTP. */
  readonly http?: { readonly method: string; readonly path: string };
}

export interface LinkerdObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: { readonly name: string; readonly namespace?: string };
  readonly spec: Readonly<Record<string, unknown>>;
}

interface Ref {
  readonly group?: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}
interface Match {
  readonly path?: { readonly type: string; readonly value: string };
  readonly method?: string;
}
interface Server {
  readonly podSelector: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly port: number;
  readonly proxyProtocol: string;
  readonly accessPolicy: string;
}

/**
 * @param byDefault the policy of ports without a Server: `config.linkerd.io/default-inbound-policy`, as it was when the pod started
 * @throws Error for what Linkerd's admission refuses, and where the oldest of two decides
 */
export function admits(
  objects: readonly LinkerdObject[],
  request: LinkerdRequest,
  byDefault: "deny" | "all-unauthenticated",
): boolean {
  const own = objects.filter(({ metadata }) => metadata.namespace === request.to.namespace);
  const servers = own.filter(({ kind, spec }) => kind === "Server" && isFor(spec as unknown as Server, request));
  const [server, second] = servers;
  if (second) throw new Error("of two Servers for a port the older is taken: nobody knows which that is");
  if (!server) return byDefault === "all-unauthenticated";
  if (server.spec["accessPolicy"] !== "deny") throw new Error("only accessPolicy deny is judged here");

  const admitted = (target: LinkerdObject) =>
    own.some((policy) => isPolicyFor(policy, target) && authorizes(policy, own, request));
  const { http } = request;
  const routes = own.filter(
    ({ kind, spec }) =>
      kind === "HTTPRoute" && (spec["parentRefs"] as Ref[]).some(({ name }) => name === server.metadata.name),
  );
  if (!http || routes.length === 0) return admitted(server);
  // One rule is chosen, and the policies of its route and of the Server count.
  const verdicts = new Set(chosen(routes, http).map((route) => admitted(server) || admitted(route)));
  if (verdicts.size > 1) throw new Error("the oldest of two routes decides: nobody knows which that is");
  return verdicts.has(true);
}

const isFor = ({ podSelector, port }: Server, request: LinkerdRequest) =>
  port === request.port &&
  Object.entries(podSelector.matchLabels ?? {}).every(([key, value]) => request.to.labels[key] === value);

const isPolicyFor = ({ kind, spec }: LinkerdObject, target: LinkerdObject) => {
  if (kind !== "AuthorizationPolicy") return false;
  const ref = spec["targetRef"] as Ref;
  return ref.kind === target.kind && ref.name === target.metadata.name;
};

/** All that a policy names have to hold; one that names what is not there is ignored; one that names nothing admits everybody. */
function authorizes({ spec }: LinkerdObject, own: readonly LinkerdObject[], request: LinkerdRequest): boolean {
  const refs = spec["requiredAuthenticationRefs"] as Ref[];
  const mesh = refs.filter(({ kind }) => kind === "MeshTLSAuthentication").length;
  if (mesh > 1 || refs.length - mesh > 1) throw new Error("at most one authentication of each kind");
  return refs.every((ref) => {
    const found = own.find(({ kind, metadata }) => kind === ref.kind && metadata.name === ref.name);
    if (!found) return false;
    return found.kind === "NetworkAuthentication" ? isInNetworks(found, request) : isIdentified(found, request);
  });
}

const isInNetworks = ({ spec }: LinkerdObject, { address }: LinkerdRequest) =>
  (spec["networks"] as { cidr: string }[]).some(({ cidr }) => isIn(cidr, address));

function isIdentified({ spec, metadata }: LinkerdObject, { identity }: LinkerdRequest): boolean {
  const { identities, identityRefs } = spec as { identities?: string[]; identityRefs?: Ref[] };
  if ((identities === undefined) === (identityRefs === undefined)) throw new Error("identities or identityRefs");
  if ((identities ?? identityRefs ?? []).length === 0) throw new Error("nobody is named");
  if (!identity) return false;
  const { trustDomain = "cluster.local" } = identity;
  const name = `${identity.serviceAccount}.${identity.namespace}.serviceaccount.identity.linkerd.${trustDomain}`;
  return (
    (identities ?? []).some(
      (one) => one === "*" || one === name || (one.startsWith("*.") && name.endsWith(one.slice(1))),
    ) ||
    // A reference is to an identity of the mesh's own trust domain.
    (identity.trustDomain === undefined ? (identityRefs ?? []) : []).some(
      ({ kind, name, namespace = metadata.namespace }) =>
        kind === "Namespace"
          ? name === identity.namespace
          : kind === "ServiceAccount" && name === identity.serviceAccount && namespace === identity.namespace,
    )
  );
}

/** The routes of the best match: more of the path, then a method. Of several that are as good the oldest would be taken. */
function chosen(
  routes: readonly LinkerdObject[],
  http: { readonly method: string; readonly path: string },
): LinkerdObject[] {
  const [path = ""] = http.path.split("?", 1);
  const matches = routes.flatMap((route) => {
    const rules = route.spec["rules"] as { matches?: Match[] }[];
    if (rules.length > 16 || rules.some(({ matches = [] }) => matches.length > 8))
      throw new Error("too many rules or matches");
    return rules
      .flatMap(({ matches = [{}] }) => matches)
      .filter(({ method }) => method === undefined || method === http.method)
      .map((match) => ({
        route,
        length: lengthOf(match.path ?? { type: "PathPrefix", value: "/" }, path),
        method: match.method !== undefined,
      }))
      .filter(({ length }) => length > 0);
  });
  const rank = ({ length, method }: { length: number; method: boolean }) => length * 2 + (method ? 1 : 0);
  const best = Math.max(...matches.map(rank));
  return matches.filter((match) => rank(match) === best).map(({ route }) => route);
}

/** How much of a path is matched; 0 for one that is not. */
function lengthOf({ type, value }: { readonly type: string; readonly value: string }, path: string): number {
  if (value.length > 1024 || !value) throw new Error("a path of 1 to 1024 characters");
  if (type === "RegularExpression") {
    // Leftmost and first, as Rust's: the match must be the whole path.
    const found = new RegExp(value).exec(path);
    return found?.index === 0 && found[0].length === path.length ? path.length : 0;
  }
  if (type === "Exact") return path === value ? value.length : 0;
  if (value === "/") return path.startsWith("/") ? 1 : 0;
  const prefix = value.replace(/\/$/, "");
  return path === prefix || path.startsWith(`${prefix}/`) ? prefix.length : 0;
}

function isIn(cidr: string, address: string): boolean {
  const [network = "", prefix = ""] = cidr.split("/");
  if (isIPv6(network) !== isIPv6(address)) return false;
  const version = isIPv6(address) ? "ipv6" : "ipv4";
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), version);
  return list.check(address, version);
}
