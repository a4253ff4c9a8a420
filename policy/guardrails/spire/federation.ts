import type { KubernetesObject } from "../../../core/util/kubernetes";
import type { Facts } from "../../facts/facts";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { spireConfigurationOf } from "../../rules/spireConfiguration";
import { listOf, recordOf, textOf } from "../../rules/values";

export const federation: Guardrail = {
  name: "federation",
  description: "Who federates knows the other trust domain, and it is another one.",
  severity: "mandatory",
  prevents:
    "Pods without any identity: SPIRE refuses an entry whole whose federatesWith names a trust domain of which it has no bundle (spire pkg/server/datastore/sqlstore), a server cannot federate with itself, and https_spiffe cannot start without a first bundle (spire doc/spire_server.md).",
  remediation:
    "Make a ClusterFederatedTrustDomain with trustDomainBundle for each trust domain in federatesWith, and no other.",
  blocksOff: false,
  reads: isFederated,
  checkStack: (facts) => {
    const known = knownDomains(facts);
    const severity = facts.objects.some((object) => spireConfigurationOf(object, "server")) ? undefined : "advisory";
    return facts.objects.filter(isFederated).flatMap((object) =>
      object.kind === "ClusterFederatedTrustDomain"
        ? relationship(object, facts.config.trustDomain)
        : listOf(recordOf(object["spec"])["federatesWith"])
            .map(textOf)
            .filter((domain) => !known.has(domain))
            .map((domain) =>
              inObject(
                object,
                "spec.federatesWith",
                `has ${domain}, of which there is no bundle; add its ClusterFederatedTrustDomain`,
                severity,
              ),
            ),
    );
  },
};

/** The trust domains whose bundles the server gets: by an object, or by its own configuration. */
const knownDomains = ({ objects }: Facts) =>
  new Set(
    objects.flatMap((object) => {
      if (object.kind === "ClusterFederatedTrustDomain") return [textOf(recordOf(object["spec"])["trustDomain"])];
      const { federates_with } = recordOf(spireConfigurationOf(object, "server")?.main["federation"]);
      return [federates_with, ...listOf(federates_with)].flatMap((map) => Object.keys(recordOf(map)));
    }),
  );

function relationship(object: KubernetesObject, own: string): Violation[] {
  const { trustDomain, bundleEndpointURL, bundleEndpointProfile, trustDomainBundle } = recordOf(object["spec"]);
  const { type, endpointSPIFFEID } = recordOf(bundleEndpointProfile);
  const spiffe = type === "https_spiffe";
  return [
    ...(trustDomain === own
      ? [inObject(object, "spec.trustDomain", `is ${own}, this cluster's own; remove the object`)]
      : []),
    ...(textOf(bundleEndpointURL).startsWith("https://")
      ? []
      : [inObject(object, "spec.bundleEndpointURL", `is ${textOf(bundleEndpointURL)}; write https://<host>:8443`)]),
    ...(spiffe && typeof endpointSPIFFEID !== "string"
      ? [
          inObject(
            object,
            "spec.bundleEndpointProfile",
            "lacks endpointSPIFFEID, by which https_spiffe knows the peer; add it",
          ),
        ]
      : []),
    ...(spiffe && trustDomainBundle === undefined
      ? [
          inObject(
            object,
            "spec.trustDomainBundle",
            "is missing, without which https_spiffe cannot start; add it",
            "advisory",
          ),
        ]
      : []),
  ];
}

function isFederated({ apiVersion, kind, spec }: KubernetesObject): boolean {
  if (!apiVersion.startsWith("spire.spiffe.io/")) return false;
  return kind === "ClusterFederatedTrustDomain" || recordOf(spec)["federatesWith"] !== undefined;
}
