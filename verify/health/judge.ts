import {
  ciliumCertificates,
  ciliumConfig,
  ciliumFlags,
  ciliumOwners,
  ciliumRolled,
  handshakePort,
} from "./checks/cilium";
import { cluster, recorded } from "./checks/cluster";
import { ciliumsEntries, identities, svids } from "./checks/entries";
import { flowFindings, hubble } from "./checks/flows";
import { demands, policies, policiesRealised, policiesValid } from "./checks/policies";
import { agents, bundle, controllerManager, rights, server } from "./checks/spire";
import { alerts } from "./checks/alerts";
import { inForce, type Facts } from "./facts";
import { skip, verdicts, type Check, type Finding, type Outcome } from "./finding";

/** All checks, causes before what they cause: who reads them begins with the first that is not well. */
export const checks: readonly Check[] = [
  ...[cluster, server, rights, controllerManager, bundle, agents, ciliumsEntries],
  ...[ciliumFlags, ciliumConfig, ciliumOwners, ciliumRolled],
  ...[handshakePort, ciliumCertificates, identities, svids],
  ...[policies, policiesValid, policiesRealised, demands],
  ...[recorded, alerts, hubble],
];

/**
 * Judges what was gathered.
 *
 * @param skipped names of checks that are left out
 * @returns a finding for each other check, in their order, and one for the flows of each namespace
 */
export function judge(facts: Facts, skipped: readonly string[] = []): Finding[] {
  const chosen = checks.filter(({ name }) => !skipped.includes(name));
  const findings = chosen.map((check): Finding => ({ check: check.name, ...outcomeOf(check, facts) }));
  const flows = skipped.includes(hubble.name) || elsewhere(facts) || otherMesh(facts) ? [] : flowFindings(facts);
  return [...findings, ...flows];
}

/** Whether this is another cluster: what is in it says nothing of the stack. */
const elsewhere = ({ uid, config }: Facts) => "known" in uid && uid.known !== config.cluster.identity;

/** Istio or Linkerd, where one authenticates and not Cilium. */
const otherMesh = ({ config: { mesh } }: Facts) => (mesh?.ztunnel ? undefined : mesh);

function outcomeOf(check: Check, facts: Facts): Outcome {
  const { spire } = facts.config;
  const mesh = otherMesh(facts);
  if (check.of !== "cluster") {
    const name = mesh?.istio ? "Istio" : "Linkerd";
    if (mesh && spire.install === "none") return skip(`${name} authenticates in this stack, not Cilium with SPIRE`);
    if (mesh && check.of === "cilium") return skip(`${name} authenticates in this stack, not Cilium`);
    if (elsewhere(facts))
      return { verdict: "unknown", saw: "it is another cluster", remedy: "what is said of the cluster comes first" };
    if (check.of === "spire" && spire.install === "none") return skip("there is no SPIRE in this stack");
    if (check.of === "spire" && spire.install === "external")
      return skip("SPIRE is external: its owners look after it");
    if (check.of === "spire" && spire.install === "bundled" && !inForce(facts).auth)
      return skip("SPIRE is part of Cilium's release, and away while authentication is off");
  }
  return check.look(facts);
}

/** Where to begin: the first finding of the worst kind that is not well, in their order. */
export const firstOf = (findings: readonly Finding[]): Finding | undefined =>
  findings.find(({ verdict }) => verdict === "fail") ??
  findings.find(({ verdict }) => verdict === "unknown") ??
  findings.find(({ verdict }) => verdict === "warn");

/** What is to be known of a run without reading it: 1 where something failed or could not be seen, and where it is strict about what may fail. */
export const exitCodeOf = (findings: readonly Finding[], strict: boolean): 0 | 1 =>
  findings.some(({ verdict }) => verdict === "fail" || verdict === "unknown" || (strict && verdict === "warn")) ? 1 : 0;

/** What is no longer as it was, a line for each. */
export function changesOf(
  before: readonly Finding[],
  after: readonly Finding[],
): { before: Finding | undefined; after: Finding | undefined }[] {
  const names = [...new Set([...after, ...before].map(({ check }) => check))];
  const of = (findings: readonly Finding[], name: string) => findings.find(({ check }) => check === name);
  return names
    .map((name) => ({ before: of(before, name), after: of(after, name) }))
    .filter(({ before, after }) => before?.verdict !== after?.verdict || (isBad(after) && before?.saw !== after?.saw));
}

const isBad = (finding: Finding | undefined) => finding?.verdict === "fail" || finding?.verdict === "unknown";

/** How many findings there are of each kind. */
export const countsOf = (findings: readonly Finding[]) =>
  verdicts.map((verdict) => ({ verdict, count: findings.filter((finding) => finding.verdict === verdict).length }));
