import { few } from "../../../core/util/few";
import { spireArgs } from "../../../plan/args";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import { seconds } from "../../../core/util/duration";
import { readinessOf } from "../../../live/readiness";
import { ownEntries } from "../../../components/spire/registration/registration";
import { ciliumIds, spire as names } from "../../../core/schema/spireNames";
import type { Attested, Entries } from "../answers";
import { inForce } from "../facts";
import { fail, given, kubectl, ok, skip, span, unknown, warn, whenOf, type Check } from "../finding";
import { isAgentPod } from "./spire";

/** What a ClusterStaticEntry of ours says. */
interface Wanted {
  readonly name: string;
  readonly path: string;
  readonly parent: string;
  readonly selectors: readonly string[];
}

const pathIn = (id: string) => id.replace(/^spiffe:\/\/[^/]+/, "");

const wantedOf = ({ metadata: { name }, spec }: KubernetesObject): Wanted => {
  const { spiffeID, parentID, selectors } = spec as { spiffeID: string; parentID: string; selectors: string[] };
  return { name, path: pathIn(spiffeID), parent: pathIn(parentID), selectors };
};

const sorted = (words: readonly string[]) => [...words].sort().join(" ");

/** Whether SPIRE has the entries by which Cilium's own parts get their identities, or without Cilium the node alias. */
export const ciliumsEntries: Check = {
  name: "cilium-entries",
  of: "spire",
  look: (facts) => {
    const { config, spire } = facts;
    const on = kubectl(facts, names.namespace);
    const show = `${on} exec ${names.server}-0 --container ${names.server} -- /opt/spire/bin/spire-server entry show`;
    const args = spireArgs(config, {});
    if (args?.install !== "managed")
      return given(spire.entries, "which entries SPIRE has", facts, (entries) => {
        const missing = Object.values(ciliumIds).filter(
          (path) => !entries.some(({ spiffe_id }) => spiffe_id?.path === path),
        );
        return missing.length === 0
          ? ok("Cilium's agent and operator have theirs")
          : fail(`SPIRE has no entry of ${missing.join(", ")}`, show);
      });
    const wanted = ownEntries(args).map(wantedOf);
    if (wanted.length === 0) return skip("nothing here needs an entry of its own");
    return given(spire.staticEntries, "which ClusterStaticEntries there are", facts, (objects) => {
      const faults = wanted.flatMap(({ name, path, parent, selectors }) => {
        const found = objects.find(({ metadata }) => metadata.name === name);
        if (!found) return [`there is no ClusterStaticEntry ${name}`];
        const { spiffeID = "", parentID = "", selectors: live = [] } = found.spec ?? {};
        return pathIn(spiffeID) === path && pathIn(parentID) === parent && sorted(live) === sorted(selectors)
          ? []
          : [`the ClusterStaticEntry ${name} is not as it was written`];
      });
      const again = `pulumi up --refresh --stack ${facts.stack} makes it as it was`;
      if (faults.length > 0) return fail(faults.join("; "), again);
      return given(spire.entries, "which entries SPIRE has", facts, (entries) => {
        const missing = wanted.filter((entry) => !entries.some((live) => isOf(live, entry))).map(({ name }) => name);
        return missing.length === 0
          ? ok(
              config.cluster.cilium
                ? "node alias, Cilium's agent and operator have theirs"
                : "the node alias has its own",
            )
          : fail(
              `SPIRE has no entry of ${missing.join(", ")}, though the ClusterStaticEntry is there`,
              `${on} logs ${names.server}-0 --container spire-controller-manager, and ${show}`,
            );
      });
    });
  },
};

const isOf = (live: Entries[number], { path, parent, selectors }: Wanted) =>
  live.spiffe_id?.path === path &&
  live.parent_id?.path === parent &&
  sorted(live.selectors.map(({ type, value }) => `${type}:${value}`)) === sorted(selectors);

/** As Cilium's operator writes them: `/identity/<number>`, under its own selector. */
const isIdentity = ({ selectors }: Entries[number]) =>
  selectors.some(({ type, value }) => type === "cilium" && value === "mutual-auth");

export const identities: Check = {
  name: "identities",
  of: "cilium",
  look: (facts) => {
    if (!inForce(facts).auth) return skip("authentication is off");
    if (facts.config.spire.install === "external") return skip("an external SPIRE's entries are its owners'");
    const { identities } = facts.cilium;
    if (!("known" in identities)) return unknown("which identities there are", identities.because, facts);
    return given(facts.spire.entries, "whether each identity has its entry in SPIRE", facts, (all) => {
      const entries = new Map(
        all
          .filter(isIdentity)
          .map(
            ({ spiffe_id, created_at = 0 }) => [spiffe_id?.path.replace("/identity/", "") ?? "", created_at] as const,
          ),
      );
      const { lacks } = readinessOf({ agents: [], identities: identities.known, entries }, facts.now / 1000);
      if (lacks.length === 0) return ok(`${identities.known.length}, each with its entry in SPIRE`);
      const { namespace = "kube-system" } = facts.config.cluster.cilium ?? {};
      const on = kubectl(facts, namespace);
      return fail(
        lacks.join("; "),
        `${on} logs deployment/cilium-operator says why; ${on} rollout restart deployment/cilium-operator makes them anew`,
      );
    });
  },
};

/** In milliseconds: clocks differ. */
const skew = 30_000;
/** Of an SVID's life: agents renew theirs at half of it. */
const due = 1 / 3;

/** How long certificates live, and whether they are renewed in time. */
export const svids: Check = {
  name: "svids",
  of: "spire",
  look: (facts) => {
    const { config, spire, cilium, now } = facts;
    const on = kubectl(facts, config.spire.agentNamespace);
    const restart = `${on} logs daemonset/${names.agent} says why; ${on} rollout restart daemonset/${names.agent} attests them anew`;
    return given(spire.attested, "until when the SVIDs of SPIRE's agents are", facts, (attested) =>
      given(spire.agentPods, "where SPIRE's agents run", facts, (pods) => {
        const nodes = new Set(pods.filter(isAgentPod).flatMap(({ spec }) => spec?.nodeName ?? []));
        const ends = endsOf(attested, nodes);
        const byNode = attested.some((agent) => nodeOf(agent) !== undefined);
        const unattested = [...nodes].filter((node) => !ends.has(node)).sort();
        if (byNode && unattested.length > 0)
          return fail(`SPIRE's server knows no agent on ${few(unattested)}`, restart);
        const expired = [...ends].filter(([, end]) => end < now - skew);
        if (byNode && expired.length > 0)
          return fail(
            `the SVID of SPIRE's agent has ended: ${few(expired.map(([node, end]) => `${node} at ${whenOf(end)}`))}`,
            restart,
          );
        // By other attestors nobody is told which node an agent is on, and those of nodes that are gone stay for a while.
        const good = new Map([...ends].filter(([, end]) => end >= now - skew));
        if (good.size < nodes.size)
          return fail(`of ${nodes.size} nodes ${good.size} have an agent whose SVID has not ended`, restart);

        const live =
          "known" in cilium.identities ? new Set(cilium.identities.known.map(({ number }) => number)) : undefined;
        const agents = "known" in cilium.agents ? cilium.agents.known : [];
        const pairs = agents.flatMap(({ node, pairs }) =>
          "known" in pairs ? pairs.known.map((pair) => ({ node, ...pair })) : [],
        );
        const lapsed = pairs.filter(
          ({ LocalIdentity, RemoteIdentity, Expiration }) =>
            Expiration < now - skew && [LocalIdentity, RemoteIdentity].every((id) => live?.has(String(id)) ?? true),
        );
        if (lapsed.length > 0)
          return fail(
            `${lapsed.length} of ${pairs.length} authenticated pairs of identities have ended with their SVIDs, on ${few([...new Set(lapsed.map(({ node }) => node))].sort())}: their calls are dropped`,
            `${on} logs daemonset/${names.agent}, and the checks of SPIRE's server and entries above`,
          );
        const life = (seconds(config.spire.ttl.agent) ?? 0) * 1000;
        const slow = [...good].filter(([, end]) => config.spire.install === "managed" && end - now < life * due);
        const text = [
          config.spire.install === "managed"
            ? `agents' SVIDs live ${config.spire.ttl.agent}, renewed at half`
            : `${good.size} agents`,
          ...(good.size > 0 ? [`the first ends in ${span(Math.min(...good.values()) - now)}`] : []),
          ...(config.spire.install === "managed" && good.size > 0
            ? [`next rotation in ${span(Math.max(0, Math.min(...good.values()) - life / 2 - now))}`]
            : []),
          `identities' ${lifetimes(facts.spire.entries, config.spire.ttl.x509Svid)}`,
          ...(pairs.length > 0
            ? [
                `${pairs.length} authenticated pairs, the first ends in ${span(Math.min(...pairs.map(({ Expiration }) => Expiration)) - now)}`,
              ]
            : []),
        ].join(", ");
        return slow.length > 0
          ? warn(
              `the SVID of SPIRE's agent on ${few(slow.map(([node]) => node))} should have been renewed by now; ${text}`,
              restart,
            )
          : ok(text);
      }),
    );
  },
};

/** The node that an agent has told by a token of Kubernetes (k8s_psat). */
const nodeOf = ({ selectors }: Attested[number]) =>
  selectors.find(({ value }) => value.startsWith("agent_node_name:"))?.value.slice("agent_node_name:".length);

/** When the SVIDs of SPIRE's agents end, in milliseconds: of a node's its last, by the node; or by the agent's ID. */
function endsOf(attested: Attested, nodes: ReadonlySet<string>): Map<string, number> {
  const ends = new Map<string, number>();
  for (const agent of attested) {
    const node = nodeOf(agent);
    // A node that is gone, or attested anew since, is of no interest.
    if (node !== undefined && !nodes.has(node)) continue;
    const key = node ?? agent.id?.path ?? "";
    ends.set(key, Math.max(ends.get(key) ?? 0, (agent.x509svid_expires_at ?? 0) * 1000));
  }
  return ends;
}

/** The lifetimes that entries of identities ask for, or the server's. */
function lifetimes(entries: Parameters<typeof given<Entries>>[0], standard: string): string {
  const own =
    "known" in entries ? entries.known.filter(isIdentity).flatMap(({ x509_svid_ttl }) => x509_svid_ttl || []) : [];
  const texts = [...new Set(own)].sort((a, b) => a - b).map((ttl) => span(ttl * 1000));
  return `live ${[...texts, ...(texts.length === 0 ? [standard] : [])].join(", ")}`;
}
