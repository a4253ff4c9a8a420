import type { Operation } from "../schema/schema";

/** An HTTP request as the caller sends it: the path with its query, nothing decoded or resolved. */
export interface HttpRequest {
  readonly method: string;
  readonly path: string;
}

/** A method and a path of an operation; undefined stands for any. */
export interface MethodAndPath {
  readonly method: string | undefined;
  readonly path: NonNullable<Operation["paths"]>[number] | undefined;
}

/** Every method of an operation with every path of it. */
export function methodsAndPaths({ methods, paths }: Operation): MethodAndPath[] {
  return (methods ?? [undefined]).flatMap((method) => (paths ?? [undefined]).map((path) => ({ method, path })));
}

/** Whether one of the operations covers a request. */
export function permits(operations: readonly Operation[], { method, path }: HttpRequest): boolean {
  const [withoutQuery = ""] = path.split("?", 1);
  return operations
    .flatMap(methodsAndPaths)
    .some(
      (permitted) =>
        (permitted.method === undefined || permitted.method === method) &&
        (permitted.path === undefined || covers(permitted.path, withoutQuery)),
    );
}

const covers = (permitted: NonNullable<MethodAndPath["path"]>, path: string) =>
  "exact" in permitted ? path === permitted.exact : isBelow(permitted.prefix, path);

/** Whether a path without its query is a prefix or below it, as an operation means that. */
export function isBelow(prefix: string, path: string): boolean {
  const base = prefix === "/" ? "" : prefix;
  if (path === prefix) return true;
  if (!path.startsWith(`${base}/`)) return false;
  const segments = path.slice(base.length + 1).split("/");
  // A slash at the end makes the last segment empty.
  return segments.every((segment, i) => isPlain.test(segment) || (segment === "" && i === segments.length - 1));
}

/** A segment that no proxy and no server reads in two ways: nothing encoded, no parameters, no dot at the beginning. As a regular expression of every engine. */
export const plainSegment = "[A-Za-z0-9_~-][A-Za-z0-9._~-]*";
const isPlain = new RegExp(`^${plainSegment}$`);

/** Whether everything that one covers is covered by the other. No number of others covers what none of them does. */
export function contains(outer: MethodAndPath, inner: MethodAndPath): boolean {
  if (outer.method !== undefined && outer.method !== inner.method) return false;
  if (outer.path === undefined) return true;
  if (inner.path === undefined) return false;
  if ("exact" in inner.path) return covers(outer.path, inner.path.exact);
  return "prefix" in outer.path && isBelow(outer.path.prefix, inner.path.prefix);
}

/** What both cover; undefined for nothing. Of two paths that have one in common, one contains the other. */
export function inBoth(a: MethodAndPath, b: MethodAndPath): MethodAndPath | undefined {
  const met = { method: a.method ?? b.method, path: contains({ ...a, method: undefined }, b) ? b.path : a.path };
  return contains(a, met) && contains(b, met) ? met : undefined;
}

/** `GET /v1/*`, `POST`, `/v1`: each method and path once. A prefix ends in `/*` and covers the path before that too. */
export function operationTexts(operations: readonly Operation[]): string[] {
  return [...new Set(operations.flatMap(methodsAndPaths).map(operationText))];
}

/** As operationTexts has it; empty for everything. */
export const operationText = ({ method, path }: MethodAndPath): string =>
  [method, path && pathText(path)].filter((part) => part !== undefined).join(" ");

function pathText(path: NonNullable<MethodAndPath["path"]>): string {
  if ("exact" in path) return path.exact;
  return path.prefix === "/" ? "/*" : `${path.prefix}/*`;
}
