import { BlockList, isIPv6 } from "node:net";

/**
 * What Istio's sidecars, its ztunnel and its waypoints make of AuthorizationPolicies and PeerAuthentications, as its documentation has it (concepts/security, reference/config/security, ops/best-practices/security), and without a look at
 * the compiler.
 */
export interface IstioRequest {
  /** `<trust domain>/ns/<namespace>/sa/<service account>` of the caller's certificate; without it the connection is in plain text. */
  readonly principal?: string;
  readonly address: string;
  readonly to: { readonly namespace: string; readonly labels: Readonly<Record<string, string>> };
  /** The workload's. */
  readonly port: number;
  readonly http: { readonly method: string; readonly path: string };
}

/** `meshConfig.trustDomain`, of which the mesh's own waypoints are too. */
export const meshDomain = "apps.zt.internal";

/** `meshConfig.pathNormalization.normalization`. */
export type Normalization = "NONE" | "BASE" | "MERGE_SLASHES" | "DECODE_AND_MERGE_SLASHES";

export interface IstioObject {
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
  };
  readonly spec: Spec;
}
interface Spec {
  readonly selector?: { readonly matchLabels?: Readonly<Record<string, string>> };
  readonly targetRefs?: readonly { readonly group: string; readonly kind: string; readonly name: string }[];
  readonly action?: string;
  readonly rules?: readonly Rule[];
  readonly mtls?: { readonly mode?: string };
  readonly portLevelMtls?: Readonly<Record<string, { readonly mode?: string }>>;
  /** A Gateway's. */
  readonly gatewayClassName?: string;
}
interface Rule {
  readonly from?: readonly { readonly source: Source }[];
  readonly to?: readonly { readonly operation: Operation }[];
}
type Strings = readonly string[];
interface Source {
  readonly principals?: Strings;
  readonly notPrincipals?: Strings;
  readonly ipBlocks?: Strings;
}
interface Operation {
  readonly ports?: Strings;
  readonly methods?: Strings;
  readonly paths?: Strings;
}

const known = {
  spec: ["selector", "targetRefs", "action", "rules", "mtls", "portLevelMtls"],
  rule: ["from", "to"],
  source: ["principals", "notPrincipals", "ipBlocks"],
  operation: ["ports", "methods", "paths"],
};

/** @throws Error for an object that Istio's webhook refuses, or that says what is not judged here */
export function admits(objects: readonly IstioObject[], request: IstioRequest, normalization: Normalization): boolean {
  objects.forEach(({ spec }) => validate(spec));
  // What has targetRefs is for gateways and waypoints.
  const own = objects.filter(
    ({ metadata, spec }) => metadata.namespace === request.to.namespace && !spec.targetRefs && selects(spec, request),
  );
  if (mtlsMode(own, request.port) === "STRICT" && request.principal === undefined) return false;
  return permitted(
    own.filter(({ kind }) => kind === "AuthorizationPolicy"),
    request,
    normalization,
  );
}

/** @param policies those that are for whoever is called */
function permitted(policies: readonly IstioObject[], request: IstioRequest, normalization: Normalization): boolean {
  if (policies.some(({ spec }) => (spec.action ?? "ALLOW") !== "ALLOW")) throw new Error("only ALLOW is judged here");
  // Without a policy everybody is admitted; with one, whom a rule admits.
  if (policies.length === 0) return true;
  const path = normalised(request.http.path.split("?", 1)[0] ?? "", normalization);
  return policies.some(({ spec }) => (spec.rules ?? []).some((rule) => ruleMatches(rule, request, path)));
}

/** A Service, as a call to it comes to one of its pods. */
export interface ServiceCall {
  readonly name: string;
  /** The Service's own. */
  readonly port: number;
  /** Its label `istio.io/use-waypoint`. */
  readonly useWaypoint?: string;
}

/**
 * The same in ambient mode (ambient/usage/waypoint, ambient/usage/l4-policy, ambient/usage/l7-features). A caller in the mesh that calls a Service with a waypoint comes through that, which
 * goes by the policies for the Service and for its Gateway, sees the Service's port, and then calls the pod under a name of its own. Everybody else calls the pod. In front of that is
 * ztunnel, which goes by what has no targetRefs, and leaves out rules about requests: it knows none.
 *
 * @param via undefined for a call to the pod's address
 */
export function admitsInAmbient(
  objects: readonly IstioObject[],
  request: IstioRequest,
  via: ServiceCall | undefined,
  normalization: Normalization,
): boolean {
  const gateway = via && request.principal !== undefined && waypointOf(objects, request, via);
  if (!gateway) return admits(atLayer4(objects), request, normalization);
  policiesIn(objects).forEach(({ spec }) => validate(spec));
  const attached = policiesIn(objects).filter(({ metadata, spec }) => {
    const refers = ({ group, kind, name }: NonNullable<Spec["targetRefs"]>[number]) =>
      (group === "" && kind === "Service" && name === via.name) ||
      (group === "gateway.networking.k8s.io" && kind === "Gateway" && name === gateway);
    return metadata.namespace === request.to.namespace && spec.targetRefs?.some(refers);
  });
  if (!permitted(attached, { ...request, port: via.port }, normalization)) return false;
  const principal = `${meshDomain}/ns/${request.to.namespace}/sa/${gateway}`;
  return admits(atLayer4(objects), { ...request, principal, address: "172.20.9.9" }, normalization);
}

/** The name of the waypoint in front of a Service: one that is labelled with a Gateway that is not there, or is not for Services, has none. */
function waypointOf(objects: readonly IstioObject[], { to }: IstioRequest, { useWaypoint }: ServiceCall) {
  return objects.find(
    ({ kind, metadata, spec }) =>
      kind === "Gateway" &&
      metadata.namespace === to.namespace &&
      metadata.name === useWaypoint &&
      spec.gatewayClassName === "istio-waypoint" &&
      ["service", "all"].includes(metadata.labels?.["istio.io/waypoint-for"] ?? "service"),
  )?.metadata.name;
}

const policiesIn = (objects: readonly IstioObject[]) => objects.filter(({ kind }) => kind !== "Gateway");

/** What istiod tells ztunnel: a rule that allows and is about requests is left out, and the rest of the policy stays. */
function atLayer4(objects: readonly IstioObject[]): IstioObject[] {
  return policiesIn(objects).map((object) => {
    const { rules } = object.spec;
    if (!rules || object.spec.targetRefs) return object;
    const kept = rules.filter(({ to = [] }) => !to.some(({ operation }) => operation.methods ?? operation.paths));
    return { ...object, spec: { ...object.spec, rules: kept } };
  });
}

/** The path that the server is asked for. */
export function normalised(path: string, normalization: Normalization): string {
  if (normalization === "NONE") return path;
  const decoded =
    normalization === "DECODE_AND_MERGE_SLASHES" ? path.replace(/%2f/gi, "/").replace(/%5c/gi, "\\") : path;
  // As a URL is normalised (RFC 3986, 6.2.2): what needs no encoding is decoded, dots are resolved, backslashes are slashes.
  const plain = decoded.replace(/%([0-9a-f]{2})/gi, (encoded, hex: string) => {
    const character = String.fromCharCode(parseInt(hex, 16));
    return /[A-Za-z0-9._~-]/.test(character) ? character : encoded;
  });
  const resolved = resolveDots(plain.replace(/\\/g, "/"));
  return normalization === "BASE" ? resolved : resolved.replace(/\/{2,}/g, "/");
}

function resolveDots(path: string): string {
  const out: string[] = [];
  const segments = path.split("/");
  segments.forEach((segment, i) => {
    const last = i === segments.length - 1;
    if (segment === "." || segment === "..") {
      if (segment === ".." && out.length > 1) out.pop();
      if (last) out.push("");
    } else out.push(segment);
  });
  return out.join("/");
}

function mtlsMode(own: readonly IstioObject[], port: number): string {
  const all = own.filter(({ kind }) => kind === "PeerAuthentication");
  const [workload, second] = all.filter(({ spec }) => spec.selector);
  if (second) throw new Error("of two PeerAuthentications for a pod the older is taken: nobody knows which that is");
  const namespace = all.find(({ spec }) => !spec.selector);
  const modes = [
    workload?.spec.portLevelMtls?.[String(port)]?.mode,
    workload?.spec.mtls?.mode,
    namespace?.spec.mtls?.mode,
  ];
  return modes.find((mode) => mode !== undefined && mode !== "UNSET") ?? "PERMISSIVE";
}

const selects = ({ selector }: Spec, { to }: IstioRequest) =>
  Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => to.labels[key] === value);

function ruleMatches({ from, to }: Rule, request: IstioRequest, path: string): boolean {
  const fromMatches = from === undefined || from.some(({ source }) => sourceMatches(source, request));
  const toMatches = to === undefined || to.some(({ operation }) => operationMatches(operation, request, path));
  return fromMatches && toMatches;
}

/** All fields of a source have to match. */
function sourceMatches({ principals, notPrincipals, ipBlocks }: Source, { principal, address }: IstioRequest) {
  return (
    (principals === undefined || (principal !== undefined && someMatches(principals, principal))) &&
    (notPrincipals === undefined || !(principal !== undefined && someMatches(notPrincipals, principal))) &&
    (ipBlocks === undefined || ipBlocks.some((block) => isIn(block, address)))
  );
}

function operationMatches({ ports, methods, paths }: Operation, { port, http }: IstioRequest, path: string) {
  return (
    (ports === undefined || ports.includes(String(port))) &&
    (methods === undefined || someMatches(methods, http.method)) &&
    (paths === undefined || someMatches(paths, path))
  );
}

/** Exact, `abc*`, `*abc`, and `*` for whatever is there. */
const someMatches = (patterns: Strings, value: string) =>
  patterns.some((pattern) => {
    if (pattern === "*") return value !== "";
    if (pattern.endsWith("*")) return value.startsWith(pattern.slice(0, -1));
    if (pattern.startsWith("*")) return value.endsWith(pattern.slice(1));
    return value === pattern;
  });

function isIn(block: string, address: string): boolean {
  const [network = "", prefix = ""] = block.split("/");
  if (isIPv6(network) !== isIPv6(address)) return false;
  const version = isIPv6(address) ? "ipv6" : "ipv4";
  const list = new BlockList();
  list.addSubnet(network, Number(prefix), version);
  return list.check(address, version);
}

/** What pkg/config/validation/validation.go refuses, and what this evaluator does not know. */
function validate(spec: Spec): void {
  only(spec, known.spec);
  for (const rule of spec.rules ?? []) {
    only(rule, known.rule);
    for (const [name, parts] of Object.entries<readonly unknown[]>({ ...rule }))
      if (parts.length === 0) throw new Error(`${name} is empty`);
    rule.from?.forEach(({ source }) => filled(source, known.source));
    rule.to?.forEach(({ operation }) => filled(operation, known.operation));
  }
  if (spec.selector && spec.targetRefs) throw new Error("a selector cannot stand beside targetRefs");
  if ((spec.targetRefs?.length ?? 1) === 0) throw new Error("targetRefs is empty");
  if (spec.portLevelMtls && !spec.selector) throw new Error("portLevelMtls needs a selector");
  if ((spec.rules?.length ?? 0) > 512) throw new Error("at most 512 rules");
}

function filled(part: object, keys: readonly string[]): void {
  only(part, keys);
  const lists = Object.values(part) as Strings[];
  if (lists.length === 0 || lists.some((list) => list.length === 0 || list.includes("")))
    throw new Error("an empty part");
}

function only(part: object, keys: readonly string[]): void {
  const strange = Object.keys(part).filter((key) => !keys.includes(key));
  if (strange.length > 0) throw new Error(`${strange.join(", ")}: not judged here`);
}
