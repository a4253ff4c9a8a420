import { X509Certificate } from "node:crypto";
import { few } from "../../../core/util/few";
import { withoutSpire } from "../../../live/gates/everyNode";
import { registrationsOf } from "../../../live/registration";
import { ciliumIds, spire as names } from "../../../core/schema/spireNames";
import { agentFile, bundle as bundleFormat, readText, serverFile, type Pod } from "../answers";
import type { Facts } from "../facts";
import { fail, given, kubectl, ok, skip, span, unknown, warn, whenOf, type Check, type Outcome } from "../finding";

const managed = (look: (facts: Facts) => Outcome) => (facts: Facts) =>
  facts.config.spire.install === "managed" ? look(facts) : skip(`SPIRE is ${facts.config.spire.install}`);

const containerOf = (pod: Pod, name: string) =>
  pod.status?.containerStatuses.find((container) => container.name === name);

/** Why a container is not ready, in a word. */
function stateOf(pod: Pod, name: string): string {
  const container = containerOf(pod, name);
  const unscheduled = pod.status?.conditions.find(({ type, status }) => type === "PodScheduled" && status === "False");
  if (unscheduled) return `${pod.metadata.name} is on no node: ${unscheduled.message ?? "nobody says why"}`;
  const { waiting, terminated } = container?.state ?? {};
  const end = terminated ?? container?.lastState?.terminated;
  const last = end ? `, ended with ${end.exitCode ?? "nothing"} (${end.reason ?? "no reason"})` : "";
  return `${pod.metadata.name} is not ready: ${waiting?.reason ?? (terminated ? "ended" : container ? "running" : "not started")}${last}`;
}

export const server: Check = {
  name: "spire-server",
  of: "spire",
  look: (facts) =>
    given(facts.spire.statefulSet, "how many servers SPIRE has", facts, (statefulSet) => {
      const { namespace, server } = names;
      const on = kubectl(facts, namespace);
      if (!statefulSet)
        return fail(
          `there is no StatefulSet ${namespace}/${server}`,
          `pulumi up --refresh --stack ${facts.stack} makes it again (docs/recovery.md)`,
        );
      const wanted = statefulSet.spec.replicas ?? 1;
      if (wanted === 0)
        return fail(
          `the StatefulSet ${namespace}/${server} is scaled to 0`,
          `${on} scale statefulset/${server} --replicas=${facts.config.spire.replicas}`,
        );
      return given(facts.spire.pods, "which pods SPIRE has", facts, (pods) => {
        const servers = pods.filter(({ metadata }) => new RegExp(`^${server}-\\d+$`).test(metadata.name));
        const isReady = (pod: Pod) => containerOf(pod, server)?.ready === true;
        const ready = servers.filter(isReady);
        const said = `${ready.length} of ${wanted} ready`;
        if (ready.length >= wanted) return ok(said);
        const bad = servers.filter((pod) => !isReady(pod)).map((pod) => stateOf(pod, server));
        const saw = [said, ...(servers.length === 0 ? ["it has no pod"] : bad)].join("; ");
        const remedy =
          servers.length === 0
            ? `${on} describe statefulset/${server}`
            : `${on} logs ${server}-0 --container ${server} --previous, and ${on} describe pod ${server}-0`;
        return ready.length === 0 ? fail(saw, remedy) : warn(saw, remedy);
      });
    }),
};

/** Whether SPIRE is of this trust domain, and Cilium's operator may make entries and its agents may ask for them: without, nothing says so but logs. */
export const rights: Check = {
  name: "spire-rights",
  of: "spire",
  look: managed((facts) => {
    const { trustDomain, spire, cluster } = facts.config;
    const files = [
      {
        asked: facts.spire.serverFile,
        name: `${names.namespace}/${names.server}`,
        faults: (text: string | undefined) => {
          const file = readText(serverFile, text ?? "");
          if (!("known" in file)) return [`has no server.conf that can be read (${file.because})`];
          const { admin_ids, trust_domain } = file.known.server;
          const id = `spiffe://${trustDomain}${ciliumIds.operator}`;
          return [
            ...(!cluster.cilium || admin_ids.includes(id)
              ? []
              : [`does not have ${id} in admin_ids: Cilium's operator can make no entries`]),
            ...(trust_domain === trustDomain ? [] : [`is of the trust domain ${trust_domain}, not ${trustDomain}`]),
          ];
        },
        key: "server.conf",
      },
      {
        asked: facts.spire.agentFile,
        name: `${spire.agentNamespace}/${names.agent}`,
        faults: (text: string | undefined) => {
          const file = readText(agentFile, text ?? "");
          if (!("known" in file)) return [`has no agent.conf that can be read (${file.because})`];
          const { authorized_delegates, trust_domain } = file.known.agent;
          const id = `spiffe://${trustDomain}${ciliumIds.agent}`;
          return [
            ...(!cluster.cilium || authorized_delegates.includes(id)
              ? []
              : [`does not have ${id} in authorized_delegates: Cilium's agents get no identities`]),
            ...(trust_domain === trustDomain ? [] : [`is of the trust domain ${trust_domain}, not ${trustDomain}`]),
          ];
        },
        key: "agent.conf",
      },
    ];
    const faults: string[] = [];
    for (const { asked, name, key, faults: faultsOf } of files) {
      if (!("known" in asked)) return unknown(`what is in the ConfigMap ${name}`, asked.because, facts);
      if (!asked.known) faults.push(`there is no ConfigMap ${name}`);
      else faults.push(...faultsOf(asked.known.data[key]).map((fault) => `the ConfigMap ${name} ${fault}`));
    }
    return faults.length === 0
      ? ok(
          cluster.cilium
            ? "Cilium's operator is an admin, and its agents are delegates"
            : `both are of the trust domain ${trustDomain}`,
        )
      : fail(faults.join("; "), `pulumi up --refresh --stack ${facts.stack} writes them as they were`);
  }),
};

export const controllerManager: Check = {
  name: "spire-controller-manager",
  of: "spire",
  look: managed((facts) => {
    const container = "spire-controller-manager";
    const logs = `${kubectl(facts, names.namespace)} logs ${names.server}-0 --container ${container}`;
    return given(facts.spire.pods, "which pods SPIRE has", facts, (pods) => {
      const bad = pods.filter((pod) => containerOf(pod, container)?.ready === false);
      if (bad.length > 0) return fail(bad.map((pod) => stateOf(pod, container)).join("; "), `${logs} --previous`);
      const { staticEntries, spiffeIds } = facts.spire;
      if (!("known" in staticEntries))
        return unknown("which ClusterStaticEntries there are", staticEntries.because, facts);
      if (!("known" in spiffeIds)) return unknown("which ClusterSPIFFEIDs there are", spiffeIds.because, facts);
      const statusOf = (status: object | undefined) =>
        Object.fromEntries(Object.entries(status ?? {}).filter(([, value]) => value !== undefined));
      const told = registrationsOf([
        ...staticEntries.known.map(({ metadata: { name }, status }) => ({
          kind: "ClusterStaticEntry" as const,
          name,
          status: statusOf(status),
        })),
        ...spiffeIds.known.map(({ metadata: { name }, status }) => ({
          kind: "ClusterSPIFFEID" as const,
          name,
          status: statusOf(status),
        })),
      ]);
      if (told.bad.length > 0) return fail(told.bad.join("; "), logs);
      if (told.pending.length > 0) return warn(`it has said nothing yet of ${few(told.pending)}`, logs);
      return ok(`${told.good.length} registrations, each with its entries`);
    });
  }),
};

/** Of how much of its life is left before SPIRE has the next CA: it makes it at half, and signs with it from a sixth on (pkg/server/ca/manager). */
const late = 1 / 6;

export const bundle: Check = {
  name: "spire-bundle",
  of: "spire",
  look: managed((facts) =>
    given(facts.spire.bundle, "whether SPIRE's bundle is published", facts, (configMap) => {
      const name = `${facts.config.spire.agentNamespace}/${names.bundle.configMap}`;
      const restart = `${kubectl(facts, names.namespace)} rollout restart statefulset/${names.server} publishes it again`;
      if (!configMap) return fail(`there is no ConfigMap ${name}: SPIRE's agents start from it`, restart);
      const text = configMap.data[names.bundle.key];
      if (text === undefined || text === "") return fail(`the ConfigMap ${name} has no ${names.bundle.key}`, restart);
      const parsed = readText(bundleFormat, text);
      if (!("known" in parsed)) return fail(`the ConfigMap ${name} has no bundle (${parsed.because})`, restart);
      const lives = parsed.known.keys.flatMap(({ use, x5c }) => (use === "x509-svid" ? x5c.flatMap(lifeOf) : []));
      if (lives.length === 0) return fail(`the ConfigMap ${name} has no authority for X.509-SVIDs`, restart);
      const last = lives.reduce((a, b) => (b.to > a.to ? b : a));
      const left = last.to - facts.now;
      const logs = `${kubectl(facts, names.namespace)} logs ${names.server}-0 --container ${names.server}`;
      if (left <= 0) return fail(`its last authority ended at ${whenOf(last.to)}`, logs);
      const saw = `${lives.length} ${lives.length === 1 ? "authority" : "authorities"}, the last ends in ${span(left)}`;
      if (left < (last.to - last.from) * late) return warn(`${saw}, and there is no next one yet`, logs);
      return ok(saw);
    }),
  ),
};

function lifeOf(base64: string): { from: number; to: number }[] {
  try {
    const { validFrom, validTo } = new X509Certificate(Buffer.from(base64, "base64"));
    return [{ from: Date.parse(validFrom), to: Date.parse(validTo) }];
  } catch {
    return [];
  }
}

const isReadyPod = ({ status }: Pod) =>
  status?.conditions.some(({ type, status }) => type === "Ready" && status === "True") ?? false;

/** Of SPIRE's agents' DaemonSet, whoever deployed it. */
export const isAgentPod = ({ metadata: { name } }: Pod) => new RegExp(`^${names.agent}-[^-]+$`).test(name);

export const agents: Check = {
  name: "spire-agents",
  of: "spire",
  look: (facts) =>
    given(facts.spire.daemonSet, "on how many nodes SPIRE's agents run", facts, (daemonSet) => {
      const { spire, cluster } = facts.config;
      const { agentNamespace } = spire;
      const on = kubectl(facts, agentNamespace);
      if (!daemonSet)
        return fail(
          `there is no DaemonSet ${agentNamespace}/${names.agent}`,
          `pulumi up --refresh --stack ${facts.stack} makes it again`,
        );
      return given(facts.spire.agentPods, "where SPIRE's agents run", facts, (pods) => {
        const agentPods = pods.filter(isAgentPod);
        const { desiredNumberScheduled: wanted = 0, numberReady: ready = 0 } = daemonSet.status ?? {};
        const said = `${ready} of ${wanted} ready`;
        const describe = `${on} get pods --output wide --selector app.kubernetes.io/name=${names.agent}, and ${on} logs daemonset/${names.agent}`;
        const bad = agentPods
          .filter((pod) => !isReadyPod(pod))
          .map((pod) => `${stateOf(pod, names.agent)} on ${pod.spec?.nodeName ?? "no node"}`);
        const { agentPods: cilium } = facts.cilium;
        const nodePods = (of: readonly Pod[]) =>
          of.map((pod) => ({ node: pod.spec?.nodeName ?? "", ready: isReadyPod(pod) }));
        const missing = "known" in cilium ? withoutSpire(nodePods(cilium.known), nodePods(agentPods)) : undefined;
        const all = [said, ...bad.slice(0, 5), ...(missing === undefined ? [] : [missing])];
        if (ready < wanted || missing !== undefined) return fail(all.join("; "), describe);
        if (cluster.cilium && !("known" in cilium)) return unknown("on which nodes Cilium runs", cilium.because, facts);
        return ok(said);
      });
    }),
};
