import type { Guardrail, Violation } from "../guardrail";

export const trustDomain: Guardrail = {
  name: "trust-domain",
  description: "The trust domain is the cluster's own, and stays what it was.",
  severity: "mandatory",
  prevents:
    "Every identity issued anew: the trust domain is part of each SPIFFE ID, so a changed one cuts all workloads off, and two clusters that share one accept each other's forgeries (SPIRE doc/spire_server.md).",
  remediation: "Choose one name for each cluster, under a domain that is yours, before the first update, and keep it.",
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
    const before = previous === "unknown" ? undefined : previous.state?.trustDomain;
    if (before !== undefined && before !== name)
      report(`is ${name}, but the stack was deployed with ${before}, which every identity contains; write ${before}`);
    return found;
  },
  undecided: ({ previous }) =>
    previous === "unknown" ? "whether it changes: there is no deployed state to compare with" : undefined,
};

/** Names that documentation and charts use. */
const placeholders =
  /(^|\.)(example(\.(com|org|net))?|invalid|test|localhost)$|^(cluster\.local|spiffe\.cilium|company\.com|internal\.corp|changeme.*)$/;
