import { isOwnEntryName } from "../../components/spire/registration/registration";
import { reservedPaths, spire as names } from "../../core/schema/spireNames";
import type { Conflict, PartialConfig } from "./conflict";
import { takenTwice } from "./takenTwice";

/** Identities that would be somebody else's, or nobody's. */
export function identityConflicts(config: PartialConfig): Conflict[] {
  const { workloads = [], entries = [] } = config.spire ?? {};
  return [
    ...takenTwice(["spire", "workloads"], workloads),
    ...takenTwice(["spire", "entries"], entries),
    ...workloads.flatMap(({ namespaces, path }, i) => {
      const at = ["spire", "workloads", i];
      return [
        ...othersNamespaces(config, namespaces, at),
        ...someoneElses(path, at),
        ...(namespaces.length > 1 && !path.includes("{namespace}")
          ? [{ path: [...at, "path"], hint: { allowed: "a path with {namespace}, where there are several", example } }]
          : []),
      ];
    }),
    ...entries.flatMap(({ name, path }, i) => {
      const at = ["spire", "entries", i];
      const hint = {
        allowed: "a name of its own: this one is that of an entry of this program",
        example: `my-${name}`,
      };
      return [...(isOwnEntryName(name) ? [{ path: [...at, "name"], hint }] : []), ...someoneElses(path, at)];
    }),
    ...strangers(config, "workloads"),
    ...strangers(config, "entries"),
    ...peerConflicts(config),
  ];
}

const example = "/ns/{namespace}/sa/{serviceAccount}";

function othersNamespaces({ spire, cluster }: PartialConfig, namespaces: readonly string[], at: Conflict["path"]) {
  const others = [names.namespace, spire?.agentNamespace, cluster?.cilium?.namespace, "kube-system", "kube-public"];
  const allowed = "a namespace of workloads: in this one identities are made by others";
  return namespaces.flatMap((namespace, j) =>
    others.includes(namespace) ? [{ path: [...at, "namespaces", j], hint: { allowed, example: "orders" } }] : [],
  );
}

/** A path that means somebody else, or that a pod could make mean somebody else: who names a service account would name an admin of SPIRE. */
function someoneElses(path: string, at: Conflict["path"]): Conflict[] {
  const first = path.split("/")[1] ?? "";
  const allowed = first.includes("{")
    ? "a path that begins with a name, so that no pod decides whose it is"
    : reservedPaths.includes(`/${first}`)
      ? `a path that is not below ${reservedPaths.join(", ")}`
      : undefined;
  return allowed === undefined ? [] : [{ path: [...at, "path"], hint: { allowed, example } }];
}

/** Trust domains that identities are to know, of which this stack knows nothing. */
function strangers({ spire }: PartialConfig, list: "workloads" | "entries"): Conflict[] {
  const peers = (spire?.federation?.with ?? []).map(({ trustDomain }) => trustDomain);
  const hint = {
    allowed: peers.length > 0 ? `one of spire.federation: ${peers.join(", ")}` : "nothing without spire.federation",
    ...(peers[0] === undefined ? {} : { example: peers[0] }),
  };
  return (spire?.[list] ?? []).flatMap(({ federatesWith }, i) =>
    federatesWith.flatMap((trustDomain, j) =>
      peers.includes(trustDomain) ? [] : [{ path: ["spire", list, i, "federatesWith", j], hint }],
    ),
  );
}

/** A server cannot federate with itself, nor twice with another. */
function peerConflicts({ trustDomain: own, spire }: PartialConfig): Conflict[] {
  const peers = (spire?.federation?.with ?? []).map(({ trustDomain }) => trustDomain);
  return peers.flatMap((trustDomain, i) => {
    const first = peers.indexOf(trustDomain);
    const allowed =
      trustDomain === own
        ? "the trust domain of another cluster: this one is this stack's"
        : first < i
          ? `a trust domain of its own, since federation.with[${first}] is ${trustDomain}`
          : undefined;
    const path = ["spire", "federation", "with", i, "trustDomain"];
    return allowed === undefined ? [] : [{ path, hint: { allowed, example: "infra.zt.internal" } }];
  });
}
