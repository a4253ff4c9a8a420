import type { StackConfig } from "../../../core/schema/schema";
import type { Guardrail, Violation } from "../../rules/guardrail";

export const trustDomain: Guardrail = {
  name: "trust-domain",
  description: "The trust domain is the cluster's own, and stays what it was.",
  severity: "mandatory",
  prevents:
    "Every identity issued anew: the trust domain is part of each SPIFFE ID, so a changed one cuts all workloads off, and two clusters that share one accept each other's forgeries (SPIRE doc/spire_server.md).",
  remediation:
    "Choose one name for each cluster, under a domain that is yours, before the first update, and keep it. Where it has to change, docs/trust.md has every command: with authentication off, and a SPIRE that begins anew.",
  blocksOff: false,
  checkStack: ({ stack, config, previous }) => {
    const name = config.trustDomain;
    const found: Violation[] = [];
    const report = (message: string) => found.push({ where: "zero-trust:trustDomain", message });

    if (placeholders.test(name))
      report(
        `is ${name}, a placeholder; write a name under a domain of yours, as in ${config.cluster.name}.zt.internal`,
      );
    for (const peer of stack.peers)
      if (peer.trustDomain === name)
        report(`is ${name}, and so is that of stack ${peer.name}; two clusters need two trust domains`);
    const state = previous === "unknown" ? undefined : previous.state;
    const before = state?.trustDomain;
    if (before !== undefined && before !== name)
      report(
        `is ${name}, but the stack was deployed with ${before}, which every identity contains; ${advice(config, before, state?.auth)}`,
      );
    return found;
  },
  undecided: ({ previous }) =>
    previous === "unknown" ? "whether it changes: there is no deployed state to compare with" : undefined,
};

/** What to do about another one. It warns only, while authentication is off: then nobody needs an identity of SPIRE's. */
function advice({ auth, mesh }: StackConfig, before: string, wasOn: boolean | undefined): string {
  // Told by their certificates in every phase, callers would be denied with authentication off too.
  if (mesh) return `write ${before}`;
  if (auth || wasOn) return `write ${before}, and change it once authentication is off, as docs/trust.md says`;
  return "SPIRE has to begin anew before authentication goes on again: docs/trust.md has the commands";
}

/** Names that documentation and charts use. */
const placeholders =
  /(^|\.)(example(\.(com|org|net))?|invalid|test|localhost)$|^(cluster\.local|spiffe\.cilium|company\.com|internal\.corp|changeme.*)$/;
