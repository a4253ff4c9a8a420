/** The paths of `pulumi config set --path`: `cluster.cilium.version`, `access[0].port`, `rollout.phases["a.b"]`. */
export type Path = readonly (string | number)[];

/** A path that cannot be parsed or followed; the message is for the user. */
export class PathError extends Error {}

const segment = /\[(\d+)\]|\["((?:[^"\\]|\\.)*)"\]|\.?([^.[\]]+)/y;
const forbidden = new Set(["__proto__", "constructor", "prototype"]);

/** Parses a path; a leading `zero-trust:` (any project) is dropped. Throws PathError. */
export function parsePath(text: string): Path {
  const path: (string | number)[] = [];
  const body = text.replace(/^[\w-]+:/, "");
  segment.lastIndex = 0;
  while (segment.lastIndex < body.length) {
    const match = segment.exec(body);
    if (!match) throw new PathError(`"${text}" is not a path; write it as in cluster.cilium.version or access[0].port`);
    const [, index, quoted, plain] = match;
    const key = index !== undefined ? Number(index) : (quoted?.replace(/\\(.)/g, "$1") ?? plain ?? "");
    if (typeof key === "string" && forbidden.has(key)) throw new PathError(`"${key}" cannot be a key`);
    path.push(key);
  }
  if (typeof path[0] !== "string") throw new PathError(`"${text}" does not begin with a key`);
  return path;
}

/** The inverse of parsePath. */
export function formatPath(path: Path): string {
  return path
    .map((key, i) => {
      if (typeof key === "number") return `[${key}]`;
      if (/[.[\]"\\]/.test(key) || key === "") return `["${key.replace(/["\\]/g, "\\$&")}"]`;
      return i === 0 ? key : `.${key}`;
    })
    .join("");
}

/** The value at a path, undefined where there is none. */
export function valueAt(root: unknown, path: Path): unknown {
  return path.reduce<unknown>(
    (value, key) =>
      typeof value === "object" && value !== null ? (value as Record<string | number, unknown>)[key] : undefined,
    root,
  );
}

/**
 * `root` with the value at `path` replaced; `root` itself is not changed. As with `pulumi config set --path`, missing objects and lists are made,
 * and an index may be at most one past the end of its list. Throws PathError.
 */
export function withValueAt(root: unknown, path: Path, value: unknown): unknown {
  const [key, ...rest] = path;
  if (key === undefined) return value;
  if (typeof key === "number") {
    const list: unknown[] =
      root === undefined ? [] : Array.isArray(root) ? [...(root as unknown[])] : notA("a list", key);
    if (key > list.length) throw new PathError(`index [${key}] is out of range: the list has ${list.length} items`);
    list[key] = withValueAt(list[key], rest, value);
    return list;
  }
  if (root !== undefined && (typeof root !== "object" || root === null || Array.isArray(root))) notA("an object", key);
  const object = (root ?? {}) as Record<string, unknown>;
  return { ...object, [key]: withValueAt(object[key], rest, value) };
}

function notA(kind: string, key: string | number): never {
  throw new PathError(`cannot set ${typeof key === "number" ? `[${key}]` : `"${key}"`}: what is there is not ${kind}`);
}
