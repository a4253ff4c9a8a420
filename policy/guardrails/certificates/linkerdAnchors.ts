import type { Guardrail, Violation } from "../../rules/guardrail";

export const linkerdAnchors: Guardrail = {
  name: "linkerd-anchors",
  description:
    "Linkerd's issuer is signed by a root that proxies know, and the root before it is known until nobody needs it.",
  severity: "mandatory",
  prevents:
    "A mesh in which nobody trusts anybody: proxies read the roots when they start, so an issuer under a new root is refused by all that are older, and without the root before so are all certificates that are left (linkerd.io docs, Manually Rotating Control Plane TLS Credentials).",
  remediation:
    "Add the new anchor, update, and restart every pod of the mesh; then make it the signer; and take the old one out a day later (docs/certificates.md).",
  blocksOff: false,
  checkStack: ({ config: { certificates }, previous }) => {
    const linkerd = certificates?.linkerd;
    if (!linkerd) return [];
    const where = "zero-trust:certificates.linkerd";
    const { anchors, signer = anchors[0] ?? "" } = linkerd;
    const before = previous === "unknown" ? undefined : previous.state?.anchors;
    const open: Violation = {
      where,
      message:
        "makes an issuer of CAs for the mesh, and cert-manager approves whatever anybody asks of it; write certificates.approval: true",
      severity: "advisory",
    };
    return [
      ...(before && !before.trusted.includes(signer)
        ? [
            {
              where: `${where}.signer`,
              message: `would be ${signer}, which proxies do not know yet; leave ${before.signer} there, with ${signer} among the anchors, and restart every pod of the mesh first`,
            },
          ]
        : []),
      ...(before && before.signer !== signer && !anchors.includes(before.signer)
        ? [
            {
              where: `${where}.anchors`,
              message: `would be without ${before.signer}, which has signed what is in use; leave it there for a day`,
            },
          ]
        : []),
      ...(certificates.approval ? [] : [open]),
    ];
  },
  undecided: ({ config, previous }) =>
    config.certificates?.linkerd && previous === "unknown"
      ? "whether proxies know the signer: there is no deployed state to compare with"
      : undefined,
};
