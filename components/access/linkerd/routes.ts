import { callerName, httpMethods } from "../../../core/schema/intent";
import type { Intent, Operation } from "../../../core/schema/schema";
import { groupBy } from "../../../core/util/groupBy";
import { isBelow, methodsAndPaths, plainSegment, type MethodAndPath } from "../../../core/access/operations";

type Caller = Intent["callers"][number];
type HttpPath = NonNullable<Operation["paths"]>[number];

/** An entry of `rules[].matches` of an HTTPRoute. */
export interface RouteMatch {
  readonly path: { readonly type: "Exact" | "PathPrefix" | "RegularExpression"; readonly value: string };
  readonly method?: string;
}

/** Requests that the same callers may make. */
export interface RouteGroup {
  /** None: nobody may make them, beside those who may do everything. */
  readonly callers: readonly Caller[];
  readonly matches: readonly RouteMatch[];
}

/** What a caller may do: one method and path of an operation. */
interface Permission extends MethodAndPath {
  readonly caller: Caller;
}

/** A part of all paths, which a permission covers as a whole or not at all. */
interface Region {
  readonly match: RouteMatch["path"];
  readonly isCovered: (by: HttpPath) => boolean;
  /** Whether another match covers as much of the path, so that only one with a method is chosen before it. */
  readonly meets?: Region;
}

/**
 * Operations as matches, such that the one that Linkerd chooses for a request has all callers who may make it. Linkerd chooses the match that covers most of the
 * path, then one with a method, then the oldest (linkerd2-proxy, linkerd/http/route/src/http/match.rs): nothing may depend on the last. Only authorizations of the
 * chosen one count, beside those of the Server.
 *
 * @param intents with operations, all on one target and port
 * @throws Error for what `routeConflict` refuses
 */
export function linkerdRoutes(intents: readonly Intent[]): RouteGroup[] {
  const conflict = routeConflict(intents);
  if (conflict !== undefined) throw new Error(conflict);
  const permissions = permissionsOf(intents);
  const matches = regionsOf(permissions).flatMap((region) => matchesOf(permissions, region));
  return [...groupBy(matches, ({ callers }) => JSON.stringify(callers.map(callerName))).values()].map((group) => ({
    callers: group[0].callers,
    matches: group.map(({ match }) => match),
  }));
}

/**
 * Why Linkerd cannot tell these operations apart, if it cannot.
 *
 * @param intents with operations, all on one target and port
 */
export function routeConflict(intents: readonly Intent[]): string | undefined {
  const permissions = permissionsOf(intents);
  const paths = permissions.flatMap(({ path }) => path ?? []);
  const prefixes = paths.flatMap((path) => ("prefix" in path ? [path.prefix] : []));
  const hidden = paths
    .map((path) => ("exact" in path ? path.exact : path.prefix))
    .flatMap((path) =>
      prefixes
        .filter((prefix) => path.startsWith(base(prefix)) && !isBelow(prefix, path))
        .map((prefix) => ({ path, prefix })),
    )
    .find(({ path, prefix }) => path.slice(base(prefix).length).startsWith("/"));
  if (hidden)
    return `no ${hidden.path} beside the prefix ${hidden.prefix}: below a prefix no segment begins with a dot`;

  for (const region of regionsOf(permissions)) {
    const { meets } = region;
    if (!meets) continue;
    const different = methodsOf(permissions).find((method) => {
      const [here, there] = [callersOf(permissions, region, method), callersOf(permissions, meets, method)];
      return there.length > callersOf(permissions, meets, undefined).length && here.length > there.length;
    });
    if (different !== undefined)
      return `the same callers of ${different} for ${region.match.value} and for all that is below it: Linkerd cannot tell the two apart`;
  }
  return undefined;
}

const permissionsOf = (intents: readonly Intent[]): Permission[] =>
  intents.flatMap(({ callers, operations = [] }) =>
    operations.flatMap(methodsAndPaths).flatMap((what) => callers.map((caller) => ({ ...what, caller }))),
  );

const methodsOf = (permissions: readonly Permission[]) =>
  [...new Set(permissions.map(({ method }) => method))].filter((method) => method !== undefined);

/**
 * All paths, cut where a permission begins or ends. A prefix is a match by prefix: the longest is chosen, and before it any for the exact path. What is below a prefix and still
 * not meant, since two servers could read it differently, is a region of its own, of which an expression covers all.
 */
function regionsOf(permissions: readonly Permission[]): Region[] {
  const paths = permissions.flatMap(({ path }) => path ?? []);
  const exact = [...new Set(paths.flatMap((path) => ("exact" in path ? [path.exact] : [])))].sort();
  const prefixes = [...new Set(paths.flatMap((path) => ("prefix" in path ? [path.prefix] : [])))].sort();
  const below = prefixes.map((prefix): Region => ({
    match: { type: "PathPrefix", value: prefix },
    isCovered: (by) => "prefix" in by && isBelow(by.prefix, prefix),
  }));
  const rest: Region = { match: { type: "PathPrefix", value: "/" }, isCovered: () => false };
  const byPrefix = prefixes.includes("/") ? below : [...below, rest];
  const points = exact.map((path): Region => {
    const meets = byPrefix.find(({ match }) => match.value === path);
    return {
      match: { type: "Exact", value: path },
      isCovered: (by) => ("exact" in by ? by.exact === path : isBelow(by.prefix, path)),
      ...(meets ? { meets } : {}),
    };
  });
  const topmost = prefixes.filter((prefix) => !prefixes.some((other) => other !== prefix && isBelow(other, prefix)));
  const strange = topmost.map((prefix): Region => {
    const value = `${escaped(base(prefix))}(?:/${plainSegment})*/(?:[./]|[^/]*[^A-Za-z0-9._~/-]).*`;
    return { match: { type: "RegularExpression", value }, isCovered: () => false };
  });
  return [...points, ...strange, ...byPrefix];
}

function matchesOf(permissions: readonly Permission[], region: Region) {
  const any = { callers: callersOf(permissions, region, undefined), match: { path: region.match } };
  const methods = region.meets ? httpMethods : methodsOf(permissions);
  const special = methods
    .map((method) => ({ callers: callersOf(permissions, region, method), match: { path: region.match, method } }))
    // Whoever may make a request with any method may with this one.
    .filter(({ callers }) => region.meets ?? callers.length > any.callers.length);
  return region.meets ? special : [any, ...special];
}

/** Each caller once, in one order. */
function callersOf(permissions: readonly Permission[], { isCovered }: Region, method: string | undefined): Caller[] {
  const permitted = permissions.filter(
    (permission) =>
      (permission.method === undefined || permission.method === method) &&
      (permission.path === undefined || isCovered(permission.path)),
  );
  return [...new Map(permitted.map(({ caller }) => [callerName(caller), caller]))]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, caller]) => caller);
}

const base = (prefix: string) => (prefix === "/" ? "" : prefix);
const escaped = (path: string) => path.replace(/[^A-Za-z0-9/_~-]/g, "\\$&");
