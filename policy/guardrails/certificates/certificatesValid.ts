import type { KubernetesObject } from "../../../core/util/kubernetes";
import { refusedOfCertificate, refusedOfIssuerRef } from "../../rules/certManager/certificate";
import { refusedOfIssuer } from "../../rules/certManager/issuer";
import type { Refusal } from "../../rules/refusal";
import { inObject, type Guardrail } from "../../rules/guardrail";
import { recordOf } from "../../rules/values";

export const certificatesValid: Guardrail = {
  name: "certificates-valid",
  description: "Every certificate and every issuer is one that cert-manager's webhook takes.",
  severity: "mandatory",
  prevents:
    "An update that fails half-way, with everything before it applied: cert-manager's CRDs take nearly anything, and its webhook refuses a common name of 65 letters, a lifetime below an hour or an issuer of two kinds only when the object gets there (cert-manager internal/apis/certmanager/validation).",
  remediation: "Write what the message says; docs/certificates.md has issuers and certificates that work.",
  blocksOff: false,
  reads: (object) => isCertManagers(object) && rules.has(object.kind),
  checkObject: (object) =>
    (rules.get(object.kind)?.(object["spec"]) ?? []).map(({ path, message }) => inObject(object, path, message)),
};

const isCertManagers = ({ apiVersion }: KubernetesObject) => apiVersion.startsWith("cert-manager.io/");

const rules = new Map<string, (spec: unknown) => readonly Refusal[]>([
  ["Certificate", refusedOfCertificate],
  ["CertificateRequest", (spec) => refusedOfIssuerRef(recordOf(spec)["issuerRef"])],
  ["Issuer", refusedOfIssuer],
  ["ClusterIssuer", refusedOfIssuer],
]);
