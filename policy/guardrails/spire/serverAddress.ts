import { inValues, valueOf } from "../../rules/ciliumValues";
import type { Facts } from "../../facts/facts";
import type { Guardrail } from "../../rules/guardrail";
import { listOf, numberOf, recordOf, textOf } from "../../rules/values";

export const serverAddress: Guardrail = {
  name: "server-address",
  description: "Cilium is given an address of the SPIRE server that it can dial.",
  severity: "mandatory",
  prevents:
    "An operator that never finds SPIRE: it asks the Kubernetes API for the Service's ClusterIP, which a headless one has not, and takes everything else for a host and a port (cilium operator/auth/spire/client.go).",
  remediation: "Write serverAddress <service>.<namespace>.svc:8081 of a Service with a ClusterIP and that port.",
  blocksOff: false,
  reads: ({ kind, metadata }) => kind === "Service" && metadata.name === "spire-server",
  checkStack: ({ objects, releases }) =>
    releases.flatMap((release) => {
      const key = "authentication.mutual.spire.serverAddress";
      const address = valueOf(release, key);
      if (address === undefined || address === null) return [];
      const problem = problemOf(textOf(address), objects);
      return problem === undefined
        ? []
        : [{ where: inValues(release, key), message: `is ${textOf(address)}, ${problem}` }];
    }),
};

function problemOf(address: string, objects: Facts["objects"]): string | undefined {
  if (!/^[^/:\s]+:\d+$|^\[[^\]]+\]:\d+$/.test(address))
    return "which is no <host>:<port>; write both, without a scheme";
  const [, name, namespace, port] = /^([\w-]+)\.([\w-]+)\.svc(?:\.[\w.-]+)?:(\d+)$/.exec(address) ?? [];
  const services = objects.filter(({ kind, metadata }) => kind === "Service" && metadata.namespace === namespace);
  // A namespace of which nothing is here is somebody else's.
  if (name === undefined || services.length === 0) return undefined;
  const service = services.find(({ metadata }) => metadata.name === name);
  if (!service) return `but ${namespace} has no Service ${name}; write one that it has`;
  const { clusterIP, ports } = recordOf(service["spec"]);
  if (clusterIP === "None") return "a headless Service, which has no address; write one with a ClusterIP";
  const known = listOf(ports).map((entry) => recordOf(entry)["port"]);
  return known.some((one) => numberOf(one) === Number(port)) ? undefined : `but that Service has no port ${port}`;
}
