import { seconds } from "../../../core/util/duration";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import type { Facts } from "../../facts/facts";
import { recordOf, textOf } from "../values";
import { defaultDuration } from "./certificate";

const isCertManagers = ({ apiVersion }: KubernetesObject) => apiVersion.startsWith("cert-manager.io/");

export const isCertificate = (object: KubernetesObject) => isCertManagers(object) && object.kind === "Certificate";
export const isIssuer = (object: KubernetesObject) =>
  isCertManagers(object) && (object.kind === "Issuer" || object.kind === "ClusterIssuer");

export const specOf = (object: KubernetesObject) => recordOf(object["spec"]);

/** The issuer that a Certificate names: an object of the stack, or undefined with its name where there is none; nothing for another signer's. */
export function issuerOf(
  certificate: KubernetesObject,
  { objects }: Facts,
): { readonly name: string; readonly issuer: KubernetesObject | undefined } | undefined {
  const { name, kind = "Issuer", group = "cert-manager.io" } = recordOf(specOf(certificate)["issuerRef"]);
  if (group !== "cert-manager.io" && group !== "") return undefined;
  const { namespace } = certificate.metadata;
  const issuer = objects.find(
    (object) =>
      isIssuer(object) &&
      object.kind === kind &&
      object.metadata.name === name &&
      (kind === "ClusterIssuer" || object.metadata.namespace === namespace),
  );
  return { name: `${textOf(kind)} ${textOf(name)}`, issuer };
}

/** Where an issuer looks for its Secrets: a ClusterIssuer in cert-manager's own namespace. */
export const secretsOf = ({ kind, metadata }: KubernetesObject, { config }: Facts): string =>
  kind === "Issuer" ? (metadata.namespace ?? "default") : (config.certificates?.namespace ?? "cert-manager");

/** The Certificates of the stack that make the Secret of a CA issuer, wherever they are. */
export function authoritiesOf(issuer: KubernetesObject, { objects }: Facts): KubernetesObject[] {
  const { secretName } = recordOf(specOf(issuer)["ca"]);
  if (typeof secretName !== "string") return [];
  return objects.filter((object) => isCertificate(object) && specOf(object)["secretName"] === secretName);
}

/** How long a Certificate lives, in seconds; not a number where that cannot be read. */
export const lifetimeOf = (certificate: KubernetesObject): number => {
  const { duration } = specOf(certificate);
  return duration === undefined ? defaultDuration : (seconds(duration) ?? NaN);
};

/** How much of that is left when cert-manager renews it, in seconds (pkg/util/pki/renewaltime.go). */
export function leftAtRenewal(certificate: KubernetesObject): number {
  const { renewBefore, renewBeforePercentage } = specOf(certificate);
  const lives = lifetimeOf(certificate);
  const before = seconds(renewBefore);
  if (before !== undefined && before > 0 && before < lives) return before;
  const percentage = Number(renewBeforePercentage);
  return percentage > 0 && percentage < 100 ? (lives * percentage) / 100 : lives / 3;
}
