import type { StackConfig } from "../schema/schema";

/** What of a managed SPIRE is chosen once, by the configuration's key: a change of it replaces live objects, or loses what SPIRE knows. */
export function choicesOf({ cluster, spire }: StackConfig): Record<string, string> | undefined {
  if (spire.install !== "managed") return undefined;
  const { storage, agentNamespace, datastore = {}, nodeAttestor = {} } = spire;
  return {
    "cluster.name": cluster.name,
    "spire.agentNamespace": agentNamespace,
    "spire.datastore": Object.keys(datastore)[0] ?? "sqlite3",
    "spire.nodeAttestor": Object.keys(nodeAttestor)[0] ?? "k8sPsat",
    "spire.storage.className": storage.className ?? "",
    "spire.storage.size": storage.size,
  };
}
