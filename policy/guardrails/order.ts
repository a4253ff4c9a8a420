import type { Facts, Part } from "../facts";
import type { Guardrail, Violation } from "../guardrail";

export const order: Guardrail = {
  name: "order",
  description:
    "On: SPIRE, then Cilium, then the policies. Off: the policies, then Cilium, and nothing waits for SPIRE.",
  severity: "mandatory",
  prevents:
    "Dropped connections at the change of the flag: a policy that demands authentication before Cilium does it, or still does after Cilium stopped, drops every new caller, and a SPIRE that is broken would hold up the way off (cilium#26208, devantler-tech/platform#1809).",
  remediation: "Let the components depend on each other as components/plan.ts does, by dependsOn on whole components.",
  blocksOff: true,
  checkStack: (facts) => (facts.config.auth ? turningOn(facts) : turningOff(facts)),
};

function turningOn(facts: Facts): Violation[] {
  const [spire, cilium, policies] = [partsOf(facts, "Spire"), partsOf(facts, "CiliumAuth"), policiesOf(facts)];
  return [
    ...(installsCilium(facts) ? [] : cilium.flatMap((part) => missing(facts, part, spire))),
    ...policies.flatMap((part) => missing(facts, part, [...spire, ...cilium])),
  ];
}

function turningOff(facts: Facts): Violation[] {
  const [spire, cilium, policies] = [partsOf(facts, "Spire"), partsOf(facts, "CiliumAuth"), policiesOf(facts)];
  const relaxed = partsOf(facts, "CiliumAuthPolicy");
  const first = installsCilium(facts);
  return [
    ...(first ? [] : cilium.flatMap((part) => missing(facts, part, relaxed))),
    ...[...cilium, ...policies].flatMap((part) => waiting(facts, part, spire)),
    ...(first ? [] : policies.flatMap((part) => waiting(facts, part, cilium))),
  ];
}

const partsOf = ({ components }: Facts, kind: Part["kind"]) => components.filter((part) => part.kind === kind);
const policiesOf = (facts: Facts) => [...partsOf(facts, "CiliumAuthPolicy"), ...partsOf(facts, "DenyAll")];

/** The first release of Cilium by this stack comes before everything: its operator installs the policies' kinds. */
const installsCilium = ({ config, previous }: Facts) =>
  config.cluster.cilium.delivery === "helm" &&
  previous !== "unknown" &&
  previous.state === undefined &&
  (previous.cilium ?? "off") === "off";

/** Where a component does not come after others, all their resources. */
function missing({ edges }: Facts, part: Part, others: readonly Part[]): Violation[] {
  const after = new Set(edges.filter(({ from }) => from === part.name).map(({ to }) => to));
  return others
    .filter(({ resources }) => !resources.every((resource) => after.has(resource)))
    .map((other) => ({
      where: part.name,
      message: `does not come after ${other.name}; write dependsOn: ${other.name}`,
    }));
}

/** Where a component or a resource in it waits for others. */
function waiting({ edges }: Facts, part: Part, others: readonly Part[]): Violation[] {
  const inside = new Set([part.name, ...part.resources]);
  const targets = new Map(
    others.flatMap((other) => [other.name, ...other.resources].map((name) => [name, other.name])),
  );
  const found = edges.flatMap(({ from, to }) => (inside.has(from) ? (targets.get(to) ?? []) : []));
  return [...new Set(found)].map((other) => ({
    where: part.name,
    message: `waits for ${other} on the way off; remove the dependency`,
  }));
}
