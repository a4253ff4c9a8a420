import { type Fault, type Hint } from "./fields";
import { entities } from "./intent";
import { parseNetwork } from "../util/network";

type Given<Key extends string> = { readonly [key in Key]?: unknown };

/** What a caller can be, and an example. */
export const callerForms: Hint = {
  allowed:
    '{ namespace: web, serviceAccount: frontend } for a workload (serviceAccount "*" for all of the namespace; withoutAuthentication: why, where it must not be asked; trustDomain, where it is of another one), ' +
    `{ entity: ingress } (one of ${entities.join(", ")}) or { cidr: 192.0.2.0/24 } for what is none, with reason: why`,
  example: '{"namespace":"web","serviceAccount":"frontend"}',
};

/** A reason: a word says nothing, a page belongs elsewhere, and what cannot be seen could make a reviewer read something else. */
export const reasonForm = {
  pattern: /^\S[^\p{C}\p{Zl}\p{Zp}]{8,198}\S$/u,
  allowed: "a sentence in one line, 10 to 200 characters",
};
const worldReason = "customers call it from the internet";

const workloadKeys = ["trustDomain", "namespace", "serviceAccount", "withoutAuthentication"];
const keysOf = {
  entity: ["entity", "reason"],
  cidr: ["cidr", "reason"],
  namespace: workloadKeys,
  serviceAccount: workloadKeys,
  trustDomain: workloadKeys,
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** Keys of a caller that do not go together, keys that are missing, and networks that are none or everybody. */
export function callerFaults(caller: {
  readonly [key in keyof typeof keysOf | "reason"]?: string | undefined;
}): Fault[] {
  const [kind, keys = []] = Object.entries<readonly string[]>(keysOf).find(([key]) => key in caller) ?? [];
  if (!kind) return [{ path: [], ...callerForms }];

  const { namespace = "web", serviceAccount = "frontend", entity, cidr, reason } = caller;
  const strangers = Object.keys(caller).filter((key) => !keys.includes(key));
  if (strangers.length > 0)
    return strangers.map((key) => ({
      path: [key],
      problem: `cannot stand beside ${kind}`,
      allowed: callerForms.allowed,
    }));
  if (keys.includes("serviceAccount"))
    return Object.entries({ namespace, serviceAccount })
      .filter(([key]) => !(key in caller))
      .map(([key, example]) => ({ path: [key], allowed: callerForms.allowed, example }));
  if (entity === "world" && reason === undefined)
    return [{ path: ["reason"], allowed: `why everybody may call, ${reasonForm.allowed}`, example: worldReason }];
  return cidr === undefined ? [] : networkFaults(cidr);
}

export const networkForm: Hint = {
  allowed: "a network's own address and the length of its prefix, as in 192.0.2.0/24 or 2001:db8::/32",
  example: "192.0.2.0/24",
};

/** A network is written one way alone, so that the same network is the same caller. */
function networkFaults(cidr: string): Fault[] {
  const network = parseNetwork(cidr);
  if (network?.prefixLength === 0)
    return [
      {
        path: [],
        problem: "has all addresses as its cidr",
        allowed: "entity: world with a reason for everybody, or the cidr of a part of all addresses",
        example: JSON.stringify({ entity: "world", reason: worldReason }),
      },
    ];
  if (network?.canonical === cidr) return [];
  return [{ path: ["cidr"], ...networkForm, ...(network ? { example: network.canonical } : {}) }];
}

/** What an operation can be, and an example. */
export const operationForms: Hint = {
  allowed: "{ methods }, { paths } or both",
  example: '{"methods":["GET"],"paths":[{"prefix":"/v1"}]}',
};

/** An operation without methods and paths would be every operation. */
export function operationFaults(operation: Given<"methods" | "paths">): Fault[] {
  return "methods" in operation || "paths" in operation ? [] : [{ path: [], ...operationForms }];
}

/** What an entry of `paths` can be, and an example. */
export const pathForms: Hint = {
  allowed: "{ exact } for one path, or { prefix } for a path and all below it",
  example: '{"prefix":"/v1"}',
};

export function pathFaults(path: Given<"exact" | "prefix">): Fault[] {
  if ("exact" in path && "prefix" in path)
    return [{ path: ["prefix"], problem: "cannot stand beside exact", allowed: pathForms.allowed }];
  return "exact" in path || "prefix" in path ? [] : [{ path: [], ...pathForms }];
}
