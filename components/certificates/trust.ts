import { owned, type KubernetesObject } from "../../core/util/kubernetes";
import { caSecretOf, component, type CertificatesArgs } from "./settings";

/** The key of the roots in each namespace's ConfigMap. */
const key = "ca.crt";

/**
 * The roots of the CAs here and those that are named, which trust-manager puts into a ConfigMap of each namespace. Not the ca.crt of a workload's Secret: that is
 * the root of its own certificate, and changes with it, when others still show one of the root before.
 *
 * @returns undefined where nobody wants them
 */
export function trustBundle({ issuers, trust }: CertificatesArgs): KubernetesObject | undefined {
  if (!trust) return undefined;
  const { name, roots, namespaceLabels } = trust;
  const own = Object.keys(issuers).filter((issuer) => issuers[issuer]?.ca);
  return {
    apiVersion: "trust.cert-manager.io/v1alpha1",
    kind: "Bundle",
    metadata: { name, ...owned(component) },
    spec: {
      sources: [
        // trust-manager's trust namespace is by default cert-manager, where the CAs' Secrets are.
        ...own.map((issuer) => ({ secret: { name: caSecretOf(issuer), key } })),
        ...roots.map((root) => ({ inLine: root })),
      ],
      target: {
        configMap: { key },
        ...(Object.keys(namespaceLabels).length > 0 ? { namespaceSelector: { matchLabels: namespaceLabels } } : {}),
      },
    },
  };
}
