import { authenticationFlags } from "../../../core/schema/ciliumNames";
import { few } from "../../../core/util/few";
import { ciliumArgs } from "../../../plan/args";
import { releaseNamespaceOf } from "../../../components/cilium/values";
import { ciliumOf } from "../../../core/schema/schema";
import { foreignManagers, type Managed } from "../../../live/fieldManagers";
import { ciliumStateOf, type LiveCilium } from "../../../live/probes/cilium";
import { readinessOf, type Provider } from "../../../live/readiness";
import type { ConfigMap, Pod } from "../answers";
import { inForce, type AgentAnswer, type Facts } from "../facts";
import { fail, given, kubectl, ok, skip, unknown, warn, whenOf, type Check, type Outcome } from "../finding";

const onCilium = (facts: Facts) => kubectl(facts, ciliumOf(facts.config.cluster).namespace);

/** How Cilium gets its values once more. */
function deliver({ config, stack }: Facts): string {
  const cilium = ciliumOf(config.cluster);
  if (cilium.delivery === "helm") return `pulumi up --refresh --stack ${stack}`;
  if (cilium.delivery === "flux")
    return `flux --context ${config.cluster.context} reconcile helmrelease cilium --namespace ${releaseNamespaceOf(cilium)} --force`;
  return `pulumi stack output ciliumValues --json --stack ${stack}, and helm upgrade with them`;
}

/** Who wrote a key of a ConfigMap last. */
function writerOf(key: string, { metadata }: ConfigMap): string {
  const writers = metadata.managedFields
    .filter(({ fieldsV1 }) => Object.hasOwn((fieldsV1?.["f:data"] as object | null | undefined) ?? {}, `f:${key}`))
    .sort((a, b) => (b.time ?? 0) - (a.time ?? 0));
  const [{ manager } = {}] = writers;
  return manager === undefined ? "" : `, written by ${manager}`;
}

const configName = (facts: Facts) => `the ConfigMap ${ciliumOf(facts.config.cluster).namespace}/cilium-config`;

const configured = (facts: Facts, judge: (config: ConfigMap) => Outcome): Outcome =>
  given(facts.cilium.config, `what is in ${configName(facts)}`, facts, (config) =>
    config
      ? judge(config)
      : fail(
          `there is no ${configName(facts).slice("the ".length)}: Cilium is not there`,
          `cluster.cilium.namespace in Pulumi.${facts.stack}.yaml, and ${deliver(facts)}`,
        ),
  );

/** Whether both flags are as they were left: one alone drops every new call, or is refused by the chart. */
export const ciliumFlags: Check = {
  name: "cilium-flags",
  of: "cilium",
  look: (facts) =>
    configured(facts, (config) => {
      const { auth } = inForce(facts);
      const wrong = authenticationFlags.filter((flag) => (config.data[flag] === "true") !== auth);
      const texts = wrong.map((flag) => `${flag} is ${config.data[flag] ?? "missing"}${writerOf(flag, config)}`);
      if (wrong.length === 0) return ok(`authentication is ${auth ? "on" : "off"}, by both flags`);
      const both = wrong.length === 2 ? "" : "one flag without the other: ";
      return fail(
        `${both}${texts.join(" and ")}, and authentication was left ${auth ? "on" : "off"}`,
        auth ? deliver(facts) : `relax the policies first: pulumi up --stack ${facts.stack}; then ${deliver(facts)}`,
      );
    }),
};

/** Whether Cilium looks for this stack's SPIRE. */
export const ciliumConfig: Check = {
  name: "cilium-config",
  of: "cilium",
  look: (facts) =>
    configured(facts, (config) => {
      if (!inForce(facts).auth) return skip("authentication is off, and nothing else in it decides over it");
      const { serverAddress, trustDomain, adminSocketPath, agentSocketPath } = ciliumArgs(facts.config).spire;
      const wanted = {
        "mesh-auth-spire-server-address": serverAddress,
        "mesh-auth-spiffe-trust-domain": trustDomain,
        "mesh-auth-spire-admin-socket": adminSocketPath,
        "mesh-auth-spire-agent-socket": agentSocketPath,
      };
      const drifted = Object.entries(wanted).flatMap(([key, value]) =>
        config.data[key] === value
          ? []
          : [`${key} is ${config.data[key] ?? "missing"}${writerOf(key, config)}; wanted: ${value}`],
      );
      return drifted.length === 0
        ? ok(`Cilium looks for ${serverAddress}, of ${trustDomain}`)
        : fail(drifted.join("; "), deliver(facts));
    }),
};

/** Whether somebody else writes what decides over authentication. */
export const ciliumOwners: Check = {
  name: "cilium-owners",
  of: "cilium",
  look: (facts) =>
    configured(facts, (config) => {
      const { agent, operator } = facts.cilium;
      if (!("known" in agent)) return unknown("who wrote the DaemonSet cilium", agent.because, facts);
      if (!("known" in operator)) return unknown("who wrote the Deployment cilium-operator", operator.because, facts);
      const workloads = {
        ...(agent.known ? { "DaemonSet cilium": agent.known as Managed } : {}),
        ...(operator.known ? { "Deployment cilium-operator": operator.known as Managed } : {}),
      };
      const foreign = foreignManagers(config as Managed, workloads);
      return foreign.length === 0
        ? ok("nobody but who delivers Cilium wrote what decides over authentication")
        : warn(
            `${foreign.join("; ")}: it may stay when Cilium's values change`,
            `${onCilium(facts)} get configmap cilium-config --show-managed-fields --output yaml, then ${deliver(facts)}`,
          );
    }),
};

/** When somebody last wrote keys that decide over authentication. */
const writtenAt = ({ metadata }: ConfigMap): number =>
  Math.max(
    0,
    ...metadata.managedFields.flatMap(({ time, fieldsV1 }) =>
      Object.keys((fieldsV1?.["f:data"] as object | null | undefined) ?? {}).some((key) =>
        key.startsWith("f:mesh-auth-"),
      )
        ? [time ?? 0]
        : [],
    ),
  );

const startedAt = (pod: Pod, container: string) =>
  pod.status?.containerStatuses.find(({ name }) => name === container)?.state?.running?.startedAt;

/** Whether Cilium runs with the configuration that it has: it reads it when it starts. */
export const ciliumRolled: Check = {
  name: "cilium-rolled",
  of: "cilium",
  look: (facts) =>
    configured(facts, (config) => {
      const { agent, operator, agentPods, operatorPods, agents } = facts.cilium;
      const namespace = onCilium(facts);
      const restart = `${namespace} rollout restart daemonset/cilium deployment/cilium-operator`;
      if (!("known" in agent)) return unknown("how far the DaemonSet cilium is", agent.because, facts);
      if (!("known" in operator)) return unknown("how far the Deployment cilium-operator is", operator.because, facts);
      if (!agent.known || !operator.known)
        return fail(
          `there is no ${agent.known ? "Deployment cilium-operator" : "DaemonSet cilium"} in ${ciliumOf(facts.config.cluster).namespace}`,
          deliver(facts),
        );
      const live = { config: config.data, agent: agent.known, operator: operator.known } as LiveCilium;
      const { waitsFor } = ciliumStateOf({
        ...live,
        // Of the flags another check tells: here it is whether the pods run with authentication on.
        config: inForce(facts).auth
          ? Object.fromEntries(authenticationFlags.map((flag) => [flag, "true"]))
          : config.data,
      });
      const rolls = inForce(facts).auth ? waitsFor : undefined;
      if (rolls !== undefined)
        return fail(rolls, `${namespace} rollout status daemonset/cilium, and ${restart} where it does not move`);

      // What an agent has read tells more than when it started.
      const told = new Map("known" in agents ? agents.known.map((answer) => [answer.node, answer] as const) : []);
      const other = [...told.values()].flatMap((answer) => differenceOf(answer, config));
      if (other.length > 0) return fail(`older than their configuration: ${few(other)}`, restart);
      if (!("known" in agentPods)) return unknown("since when Cilium's agents run", agentPods.because, facts);
      if (!("known" in operatorPods)) return unknown("since when Cilium's operators run", operatorPods.because, facts);
      const written = writtenAt(config);
      const older = (pods: readonly Pod[], container: string) =>
        pods.filter((pod) => (startedAt(pod, container) ?? Infinity) < written).map(({ metadata: { name } }) => name);
      const silent = agentPods.known.filter(({ spec }) => !readConfig(told.get(spec?.nodeName ?? "")));
      const old = [...older(silent, "cilium-agent"), ...older(operatorPods.known, "cilium-operator")];
      if (old.length > 0)
        return fail(`older than their configuration, which was written at ${whenOf(written)}: ${few(old)}`, restart);
      const { desiredNumberScheduled = 0 } = agent.known.status ?? {};
      return ok(`${desiredNumberScheduled} agents and the operator run what is configured`);
    }),
};

const readConfig = (answer: AgentAnswer | undefined) => answer !== undefined && "known" in answer.config;

function differenceOf({ node, config: read }: AgentAnswer, { data }: ConfigMap): string[] {
  if (!("known" in read)) return [];
  const keys = [...new Set([...Object.keys(read.known), ...Object.keys(data)])].filter((key) =>
    key.startsWith("mesh-auth-"),
  );
  const [key] = keys.filter((key) => read.known[key] !== data[key]).sort();
  return key === undefined ? [] : [`the agent on ${node} has started with ${key} ${read.known[key] ?? "missing"}`];
}

/** Asks readinessOf of what agents said, each question for itself. */
function askedOf(
  facts: Facts,
  what: string,
  provider: (answer: AgentAnswer) => Provider,
  good: (nodes: number) => string,
  remedy: string,
): Outcome {
  return given(facts.cilium.agents, what, facts, (agents) => {
    if (agents.length === 0) return unknown(what, "no agent of Cilium's could be asked", facts);
    const { lacks, unknown: open } = readinessOf(
      { agents: agents.map(provider), identities: [], entries: new Map() },
      0,
    );
    if (lacks.length > 0) return fail([...lacks, ...open].join("; "), remedy);
    return open.length > 0
      ? { ...unknown(what, open.join("; "), facts), saw: `nobody could say ${open.join("; ")}` }
      : ok(good(agents.length));
  });
}

export const ciliumCertificates: Check = {
  name: "cilium-certificates",
  of: "cilium",
  look: (facts) => {
    if (!inForce(facts).auth) return skip("authentication is off");
    return askedOf(
      facts,
      "whether SPIRE gives Cilium's agents certificates",
      ({ node, provider }) =>
        "known" in provider ? { node, ...provider.known, unanswered: [] } : { node, because: provider.because },
      (nodes) => `SPIRE gives them to Cilium's agents on ${nodes} nodes`,
      `${onCilium(facts)} exec daemonset/cilium --container cilium-agent -- cilium-dbg status --verbose, and ${kubectl(facts, facts.config.spire.agentNamespace)} logs daemonset/spire-agent`,
    );
  },
};

export const handshakePort: Check = {
  name: "handshake-port",
  of: "cilium",
  look: (facts) => {
    if (!inForce(facts).auth) return skip("authentication is off");
    return askedOf(
      facts,
      "whether nodes reach each other on the port of the handshake",
      ({ node, unanswered }) =>
        "known" in unanswered
          ? { node, state: "Ok", message: "", unanswered: unanswered.known }
          : { node, state: "Ok", message: "", unanswered: undefined },
      (nodes) => `${nodes} nodes answer each other`,
      "let TCP 4250 through between all nodes: security groups, the nodes' own firewalls, host policies of Cilium's",
    );
  },
};
