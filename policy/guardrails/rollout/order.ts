import { installsCilium } from "../../../core/rollout/phases";
import { groupBy } from "../../../core/util/groupBy";
import type { Facts, Part } from "../../facts/facts";
import type { Guardrail, Violation } from "../../rules/guardrail";

export const order: Guardrail = {
  name: "order",
  description:
    "On: SPIRE, then Cilium, then the policies. Off: the policies, then Cilium, and nothing waits for SPIRE.",
  severity: "mandatory",
  prevents:
    "Dropped connections at the change of the flag: a policy that demands authentication before Cilium does it, or still does after Cilium stopped, drops every new caller, and a SPIRE that is broken would hold up the way off (cilium#26208, devantler-tech/platform#1809).",
  remediation: "Let the components depend on each other as plan/order.ts does, by dependsOn on whole components.",
  blocksOff: true,
  checkStack: (facts) => (facts.config.auth ? turningOn(facts) : turningOff(facts)),
};

function turningOn(facts: Facts): Violation[] {
  const [spire, cilium, policies] = [partsOf(facts, "Spire"), partsOf(facts, "CiliumAuth"), policiesOf(facts)];
  const after = targetsOf(facts);
  return [
    ...(installs(facts) ? [] : cilium.flatMap((part) => missing(after, part, spire))),
    ...policies.flatMap((part) => missing(after, part, [...spire, ...cilium])),
  ];
}

function turningOff(facts: Facts): Violation[] {
  const [spire, cilium, policies] = [partsOf(facts, "Spire"), partsOf(facts, "CiliumAuth"), policiesOf(facts)];
  const relaxed = partsOf(facts, "CiliumAuthPolicy");
  const first = installs(facts);
  const after = targetsOf(facts);
  return [
    ...(first ? [] : cilium.flatMap((part) => missing(after, part, relaxed))),
    ...waiting(after, [...cilium, ...policies], spire),
    ...(first ? [] : waiting(after, policies, cilium)),
  ];
}

const partsOf = ({ components }: Facts, kind: Part["kind"]) => components.filter((part) => part.kind === kind);
const policyKinds = ["CiliumAuthPolicy", "DenyAll", "IstioAuthPolicy", "MeshNamespaces"] as const;
/** The policies, and what takes namespaces into another mesh: its pods ask SPIRE from their start. */
const policiesOf = (facts: Facts) => policyKinds.flatMap((kind) => partsOf(facts, kind));

/** The first release of Cilium by this stack waits for SPIRE's address alone: everything else needs the network that it brings, and its operator installs the policies' kinds. */
const installs = ({ config, previous }: Facts) => previous !== "unknown" && installsCilium(config, previous);

/** What each resource comes after: grouped once, since a stack may have thousands of each. */
type Targets = ReadonlyMap<string, ReadonlySet<string>>;

function targetsOf({ edges }: Facts): Targets {
  const bySource = groupBy(edges, ({ from }) => from);
  return new Map([...bySource].map(([from, group]) => [from, new Set(group.map(({ to }) => to))]));
}

/** Where a component does not come after others, all their resources. */
function missing(targets: Targets, part: Part, others: readonly Part[]): Violation[] {
  const after = targets.get(part.name);
  return others
    .filter(({ resources }) => !resources.every((resource) => after?.has(resource)))
    .map((other) => ({
      where: part.name,
      message: `does not come after ${other.name}; write dependsOn: ${other.name}`,
    }));
}

/** Where components or resources in them wait for others. */
function waiting(targets: Targets, parts: readonly Part[], others: readonly Part[]): Violation[] {
  const owners = new Map(others.flatMap((other) => [other.name, ...other.resources].map((name) => [name, other.name])));
  return parts.flatMap((part) => {
    const after = [part.name, ...part.resources].flatMap((name) => [...(targets.get(name) ?? [])]);
    return [...new Set(after.flatMap((name) => owners.get(name) ?? []))].map((other) => ({
      where: part.name,
      message: `waits for ${other} on the way off; remove the dependency`,
    }));
  });
}
