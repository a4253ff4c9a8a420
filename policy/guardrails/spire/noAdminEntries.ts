import { inObject, type Guardrail } from "../../rules/guardrail";
import { recordOf } from "../../rules/values";

export const noAdminEntries: Guardrail = {
  name: "no-admin-entries",
  description: "No registration entry makes its workload an administrator or a server.",
  severity: "mandatory",
  prevents:
    "A workload that issues what identity it likes: admin may register any entry and downstream may sign with a CA of its own, and no policy of who may call whom shows either (spire doc/spire_server.md).",
  remediation: "Remove admin and downstream; the server's admin_ids admit Cilium's operator, the one that needs it.",
  blocksOff: false,
  reads: ({ apiVersion, kind }) =>
    apiVersion.startsWith("spire.spiffe.io/") && (kind === "ClusterSPIFFEID" || kind === "ClusterStaticEntry"),
  checkObject: (entry, { config: { trustDomain } }) => {
    const spec = recordOf(entry["spec"]);
    const operator = spec["spiffeID"] === `spiffe://${trustDomain}/cilium-operator`;
    return ["admin", "downstream"]
      .filter((key) => spec[key] === true && !(operator && key === "admin"))
      .map((key) => inObject(entry, `spec.${key}`, "is true; remove it"));
  },
};
