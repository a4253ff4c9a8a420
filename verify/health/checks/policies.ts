import { isObject, ownField } from "../../../core/util/objects";
import { few } from "../../../core/util/few";
import { livePolicies, policiesNamed } from "../../../components/access/cilium/policyForm";
import { phases as allPhases, type Phase, isClosed } from "../../../core/schema/schema";
import { type KubernetesObject, isOwn } from "../../../core/util/kubernetes";
import { accessComponents } from "../../../plan/planned";
import { demandsAuthentication } from "../../../live/probes/rules";

import { inForce, type Facts } from "../facts";
import type { Policies } from "../answers";
import { fail, given, kubectl, ok, unknown, warn, type Check } from "../finding";

/** The policies of a namespace in a phase, as the program writes them: in the form that was recorded, or that is live where nobody knows what was. */
function policiesOf({ config, recorded }: Facts, live: Policies, namespace: string, phase: Phase): KubernetesObject[] {
  if (phase === "off") return [];
  const here = live.filter((policy) => isOurs(policy) && policy.metadata.namespace === namespace);
  const is =
    "known" in recorded && recorded.known
      ? livePolicies(recorded.known, namespace)
      : policiesNamed(here.map(({ metadata }) => metadata.name));
  return accessComponents(
    config,
    namespace,
    phase,
    config.access.filter(({ target }) => target.namespace === namespace),
    is,
  ).flatMap(({ objects }) => objects.map(({ manifest }) => manifest));
}

const isOurs = ({ metadata: { labels } }: Policies[number]) => isOwn(labels);
const nameOf = ({ metadata: { namespace, name } }: Policies[number]) => `${namespace ?? ""}/${name}`;

/** What of the wanted policies is not so in the cluster. */
function faultsOf(wanted: readonly KubernetesObject[], live: Policies): string[] {
  return wanted.flatMap(({ metadata: { name, namespace }, spec, specs }) => {
    const found = live.find(({ metadata }) => metadata.name === name && metadata.namespace === namespace);
    if (!found) return [`there is no CiliumNetworkPolicy ${namespace}/${name}`];
    const paths = differences({ spec, specs }, { spec: found.spec, specs: found.specs });
    return paths.length === 0
      ? []
      : [
          `${namespace}/${name} was changed at ${few(
            paths.map((path) => path.slice(1)),
            3,
          )}`,
        ];
  });
}

/** Whether the policies in the cluster are those of the stack file, in the phases that are in force. */
export const policies: Check = {
  name: "policies",
  of: "cilium",
  look: (facts) =>
    given(facts.cilium.policies, "which policies there are", facts, (live) => {
      const { phases } = inForce(facts);
      const knows = "known" in facts.recorded && facts.recorded.known !== undefined;
      const faults: string[] = [];
      const behind: string[] = [];
      const wanted: KubernetesObject[] = [];
      for (const [namespace, phase] of Object.entries(phases)) {
        const objects = policiesOf(facts, live, namespace, phase);
        const found = faultsOf(objects, live);
        // Where nobody knows what was recorded, a namespace may not be as far as the stack file says.
        const lower = knows ? [] : allPhases.slice(0, allPhases.indexOf(phase)).reverse();
        const is = found.length === 0 ? phase : lower.find((phase) => isIn(facts, namespace, phase, live));
        wanted.push(...policiesOf(facts, live, namespace, is ?? phase));
        if (is === undefined) faults.push(...found);
        else if (is !== phase) behind.push(`${namespace} is ${is}, and the stack file says ${phase}`);
      }
      const names = new Set(wanted.map(({ metadata: { namespace, name } }) => `${namespace}/${name}`));
      const left = live.filter((policy) => isOurs(policy) && !names.has(nameOf(policy))).map(nameOf);
      const up = `pulumi up --refresh --stack ${facts.stack}`;
      if (faults.length > 0) return fail(faults.join("; "), `${up} writes them as they were`);
      if (left.length > 0) return warn(`${few(left)} is of this program, and not of this stack file`, up);
      if (behind.length > 0)
        return warn(behind.join("; "), `pulumi up --stack ${facts.stack}, which says what it waits for`);
      return ok(
        `${wanted.length} as written: ${
          Object.entries(phases)
            .map(([namespace, phase]) => `${namespace} ${phase}`)
            .join(", ") || "no namespace yet"
        }`,
      );
    }),
};

/** Whether a namespace's policies are those of a phase, none more. */
function isIn(facts: Facts, namespace: string, phase: Phase, live: Policies): boolean {
  const objects = policiesOf(facts, live, namespace, phase);
  const here = live.filter((policy) => isOurs(policy) && policy.metadata.namespace === namespace);
  return here.length === objects.length && faultsOf(objects, live).length === 0;
}

/** Whether Cilium takes them: one that it refuses is not enforced. */
export const policiesValid: Check = {
  name: "policies-valid",
  of: "cilium",
  look: (facts) =>
    given(facts.cilium.policies, "which policies there are", facts, (live) => {
      const { auth } = inForce(facts);
      const invalid = live.flatMap((policy) =>
        (policy.status?.conditions ?? [])
          .filter(({ type, status }) => type === "Valid" && status === "False")
          // Cilium says so of every rule with the block while authentication is off: another check tells of those.
          .filter(({ message = "" }) => auth || !/mutual auth feature is disabled/.test(message))
          .map(({ message }) => ({ policy, text: `${nameOf(policy)}: ${message ?? "Cilium does not say why"}` })),
      );
      const describe = `${kubectl(facts)} get ciliumnetworkpolicies --all-namespaces shows which, and describe says why`;
      const ours = invalid.filter(
        ({ policy }) => isOurs(policy) || policy.metadata.namespace! in inForce(facts).phases,
      );
      if (ours.length > 0)
        return fail(
          `Cilium refuses ${few(
            ours.map(({ text }) => text),
            3,
          )}`,
          describe,
        );
      if (invalid.length > 0)
        return warn(
          `Cilium refuses ${few(
            invalid.map(({ text }) => text),
            3,
          )}`,
          describe,
        );
      return ok(`of ${live.length} none is refused`);
    }),
};

/** Whether the policies hold where pods run: an agent that has not realised them enforces what was before. */
export const policiesRealised: Check = {
  name: "policies-realised",
  of: "cilium",
  look: (facts) =>
    given(facts.cilium.agents, "what Cilium's agents enforce", facts, (agents) => {
      const { auth, phases } = inForce(facts);
      const what = "what Cilium's agents enforce";
      if (agents.length === 0) return unknown(what, "no agent of Cilium's could be asked", facts);
      const closed = Object.entries(phases).filter(([, phase]) => isClosed(phase));
      const wrong: string[] = [];
      const silent: string[] = [];
      let pods = 0;
      for (const { node, endpoints, demanding } of agents) {
        if (!("known" in endpoints)) {
          silent.push(`${node} (${endpoints.because})`);
          continue;
        }
        let targets = 0;
        for (const { status } of endpoints.known) {
          const { "k8s-namespace": namespace = "", "k8s-pod-name": pod = "" } = status?.["external-identifiers"] ?? {};
          const phase = phases[namespace];
          if (phase === undefined || phase === "off") continue;
          pods++;
          if (phase === "require") targets++;
          const { realized, spec } = status?.policy ?? {};
          const [is = 0, wanted = 0] = [realized?.["policy-revision"], spec?.["policy-revision"]];
          const name = `${namespace}/${pod} on ${node}`;
          if (is < wanted) wrong.push(`${name} has revision ${is} of ${wanted}`);
          else if (
            closed.some(([of]) => of === namespace) &&
            !["ingress", "both"].includes(realized?.["policy-enabled"] ?? "")
          )
            wrong.push(`${name} enforces nothing (${realized?.["policy-enabled"] ?? "none"})`);
        }
        if (!("known" in demanding)) silent.push(`${node} (${demanding.because})`);
        else if (!auth && demanding.known > 0)
          wrong.push(`${node} enforces ${demanding.known} rules that demand authentication, which is off`);
        else if (auth && targets > 0 && demanding.known === 0)
          wrong.push(`${node} has pods of a namespace in require, and demands authentication of nobody`);
      }
      const { namespace = "kube-system" } = facts.config.cluster.cilium ?? {};
      if (wrong.length > 0)
        return fail(
          few(wrong),
          `${kubectl(facts, namespace)} exec daemonset/cilium --container cilium-agent -- cilium-dbg endpoint list, and logs of that agent`,
        );
      if (silent.length > 0) return unknown(what, few(silent), facts);
      return ok(`${pods} pods of ${Object.keys(phases).length} namespaces, on ${agents.length} nodes`);
    }),
};

/** Whether nothing demands authentication that is off: whoever is asked for it then gets no answer. */
export const demands: Check = {
  name: "demands",
  of: "cilium",
  look: (facts) => {
    const { auth } = inForce(facts);
    const { policies, clusterwide } = facts.cilium;
    if (!("known" in policies)) return unknown("which policies demand authentication", policies.because, facts);
    if (!("known" in clusterwide)) return unknown("which policies demand authentication", clusterwide.because, facts);
    const demanding = [
      ...policies.known
        .filter(demandsAuthentication)
        .map((policy) => ({ ours: isOurs(policy), name: `CiliumNetworkPolicy ${nameOf(policy)}` })),
      ...clusterwide.known
        .filter(demandsAuthentication)
        .map(({ metadata: { name } }) => ({ ours: false, name: `CiliumClusterwideNetworkPolicy ${name}` })),
    ];
    const foreign = demanding.filter(({ ours }) => !ours).map(({ name }) => name);
    if (!auth && demanding.length > 0)
      return fail(
        `authentication is off, and ${few(demanding.map(({ name }) => name))} demands it: new calls are dropped`,
        foreign.length > 0
          ? `take the authentication block out of ${few(foreign)}, or ask whose it is`
          : `pulumi up --refresh --stack ${facts.stack}`,
      );
    if (foreign.length > 0)
      return warn(
        `${few(foreign)} demands authentication, and is not of this stack: it keeps demanding it when authentication is turned off`,
        `write it as an intent of Pulumi.${facts.stack}.yaml`,
      );
    return ok(auth ? `${demanding.length} policies demand it, all of this stack` : "no policy demands authentication");
  },
};

/**
 * Where two plain values differ, as paths: `.ingress[0].toPorts`. A value that is missing and one that is undefined are the same.
 *
 * @returns the deepest places, in the order of the first value
 */
export function differences(wanted: unknown, live: unknown, path = ""): string[] {
  if (wanted === live) return [];
  if (Array.isArray(wanted) && Array.isArray(live)) {
    const length = Math.max(wanted.length, live.length);
    return Array.from({ length }, (_, i) => differences(wanted[i], live[i], `${path}[${i}]`)).flat();
  }
  if (isObject(wanted) && isObject(live)) {
    const keys = [...new Set([...Object.keys(wanted), ...Object.keys(live)])];
    return keys.flatMap((key) => differences(ownField(wanted, key), ownField(live, key), `${path}.${key}`));
  }
  return [path];
}
