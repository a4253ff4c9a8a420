import { ciliumIds, spire as names } from "../spire/settings";
import type { Conflict, PartialConfig } from "./combinations";

/** Paths of SPIFFE IDs that mean somebody else: SPIRE's own, and those that Cilium has built in (operator/auth/spire/client.go). */
const taken = ["/spire", "/identity", ciliumIds.agent, ciliumIds.operator];

/** Identities of workloads that would be somebody else's, or nobody's. */
export function workloadConflicts({ spire, cluster }: PartialConfig): Conflict[] {
  const others = [names.namespace, spire?.agentNamespace, cluster?.cilium?.namespace, "kube-system", "kube-public"];
  const seen = new Map<string, number>();
  return (spire?.workloads ?? []).flatMap(({ name, namespaces, path }, i) => {
    const at = ["spire", "workloads", i];
    const first = seen.get(name) ?? i;
    seen.set(name, first);
    return [
      ...(first === i
        ? []
        : [
            {
              path: [...at, "name"],
              hint: { allowed: `a name of its own, since workloads[${first}] is ${name}`, example: `${name}-2` },
            },
          ]),
      ...namespaces.flatMap((namespace, j) =>
        others.includes(namespace)
          ? [
              {
                path: [...at, "namespaces", j],
                hint: {
                  allowed: "a namespace of workloads: in this one identities are made by others",
                  example: "orders",
                },
              },
            ]
          : [],
      ),
      ...(taken.some((other) => `${path}/`.startsWith(`${other}/`))
        ? [
            {
              path: [...at, "path"],
              hint: {
                allowed: `a path that is not below ${taken.join(", ")}`,
                example: "/ns/{namespace}/sa/{serviceAccount}",
              },
            },
          ]
        : []),
      ...(namespaces.length > 1 && !path.includes("{namespace}")
        ? [
            {
              path: [...at, "path"],
              hint: {
                allowed: "a path with {namespace}, where there are several",
                example: "/ns/{namespace}/sa/{serviceAccount}",
              },
            },
          ]
        : []),
    ];
  });
}
