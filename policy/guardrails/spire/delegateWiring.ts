import { inValues, valueOf } from "../../rules/ciliumValues";
import type { Facts } from "../../facts/facts";
import { mismatch, type Guardrail, type Violation } from "../../rules/guardrail";
import { mayBeSpire, spireConfigurationOf, type SpireConfiguration } from "../../rules/spireConfiguration";
import { listOf, recordOf, textOf } from "../../rules/values";

export const delegateWiring: Guardrail = {
  name: "delegate-wiring",
  description: "SPIRE and Cilium agree on trust domain, sockets, delegates and entries.",
  severity: "mandatory",
  prevents:
    "Authentication that is on and issues nothing: an agent compares trust domains as strings and skips what differs, and without admin, delegate, node alias and entries there is no identity to hand out (cilium#45045, cilium#40533).",
  remediation: "Configure both sides from one place, as the components Spire and CiliumAuth do.",
  blocksOff: false,
  reads: (object) => ["ConfigMap", "ClusterStaticEntry"].includes(object.kind) && mayBeSpire(object),
  checkStack: (facts) => {
    const [server] = facts.objects.flatMap((object) => spireConfigurationOf(object, "server") ?? []);
    const [agent] = facts.objects.flatMap((object) => spireConfigurationOf(object, "agent") ?? []);
    const domains = facts.releases.flatMap((release) => {
      const key = "authentication.mutual.spire.trustDomain";
      return mismatch(inValues(release, key), valueOf(release, key), facts.config.trustDomain);
    });
    // A SPIRE that this stack does not make cannot be judged from here.
    return [...domains, ...(server && agent ? judgeWiring(facts, server, agent) : [])];
  },
};

function judgeWiring({ config, objects, releases }: Facts, server: SpireConfiguration, agent: SpireConfiguration) {
  const { trustDomain } = config;
  const { cilium } = config.cluster;
  const found: Violation[] = [];
  const expectEqual = (...values: Parameters<typeof mismatch>) => found.push(...mismatch(...values));
  const id = (path: string) => `spiffe://${trustDomain}${path}`;
  expectEqual(`${server.file} server.trust_domain`, server.main["trust_domain"], trustDomain);
  expectEqual(`${agent.file} agent.trust_domain`, agent.main["trust_domain"], trustDomain);
  const rights: readonly (readonly [where: string, value: unknown, holder: string])[] = [
    [`${server.file} server.admin_ids`, server.main["admin_ids"], id("/cilium-operator")],
    [`${agent.file} agent.authorized_delegates`, agent.main["authorized_delegates"], id("/cilium-agent")],
  ];
  for (const [where, value, holder] of rights)
    if (cilium) expectEqual(where, value, [holder]);
    else if (value !== undefined)
      found.push({ where, message: `is ${JSON.stringify(value)}, which nobody needs without Cilium; remove it` });

  const [attestor = "none"] = agent.names("NodeAttestor");
  const known = server.names("NodeAttestor");
  const clusters = listOf(server.plugin("NodeAttestor", "k8s_psat")["clusters"]).flatMap((map) =>
    Object.keys(recordOf(map)),
  );
  const { cluster } = agent.plugin("NodeAttestor", "k8s_psat");
  if (!known.includes(attestor))
    found.push({
      where: `${agent.file} NodeAttestor`,
      message: `is ${attestor}; the server knows ${known.join(", ")}`,
    });
  else if (attestor === "k8s_psat" && !clusters.includes(textOf(cluster)))
    found.push({
      where: `${agent.file} k8s_psat.cluster`,
      message: `is ${JSON.stringify(cluster)}; the server knows ${clusters.join(", ")}`,
    });

  for (const release of releases) {
    const socket = (name: string, wanted: unknown) => {
      const key = `authentication.mutual.spire.${name}`;
      expectEqual(inValues(release, key), valueOf(release, key), wanted);
    };
    socket("adminSocketPath", agent.main["admin_socket_path"]);
    socket("agentSocketPath", agent.main["socket_path"]);
  }

  const entries = objects.filter(({ kind }) => kind === "ClusterStaticEntry").map((entry) => recordOf(entry["spec"]));
  const find = (path: string) => entries.find(({ spiffeID }) => spiffeID === id(path));
  const ofNodes = entries.filter(({ parentID }) => parentID === id("/spire/server"));
  const aliases = ofNodes.map(({ spiffeID }) => spiffeID);
  const others = ofNodes
    .flatMap(({ selectors }) => listOf(selectors))
    .filter((s) => !textOf(s).startsWith(`${attestor}:`));
  if (others.length > 0) {
    const where = "ClusterStaticEntry for the nodes";
    found.push({
      where,
      message: `has ${others.map(textOf).join(", ")}, which no agent has that attests by ${attestor}`,
    });
  }
  for (const path of cilium ? ["/cilium-agent", "/cilium-operator"] : []) {
    const entry = find(path);
    const where = `ClusterStaticEntry for ${id(path)}`;
    if (!entry) found.push({ where, message: "is missing; without it Cilium gets no identity" });
    else if (!aliases.includes(entry["parentID"]))
      found.push({ where: `${where} parentID`, message: "is no node alias, so the entry would reach one node alone" });
  }
  return found;
}
