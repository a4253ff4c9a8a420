import { type Federation, type Peer } from "../settings";
import { owned, unawaited, type KubernetesObject } from "../../../core/util/kubernetes";
import { selectorOf } from "../pods";
import { spire } from "../../../core/schema/spireNames";

/** Where a server gives its bundle to whoever asks. */
export const bundlePort = 8443;

/** As SPIRE's server has it in its configuration. Peers ask again after a quarter of the hint, which is as often as SPIRE thinks best (doc/spire_server.md). */
export const bundleEndpoint = {
  bundle_endpoint: {
    address: "0.0.0.0",
    port: bundlePort,
    refresh_hint: "5m",
    profile: [{ https_spiffe: {} }],
  },
};

/** The Service of the bundle endpoint. Without waiting: a load balancer that does not come must not hold up what has nothing to do with it. */
export function bundleService({ service, annotations }: Federation): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "Service",
    metadata: {
      name: spire.bundleEndpoint,
      namespace: spire.namespace,
      ...owned(spire.server, { annotations: { ...unawaited, ...annotations } }),
    },
    spec: {
      type: service,
      selector: selectorOf(spire.server),
      ports: [{ name: "bundle", port: bundlePort, targetPort: "bundle", protocol: "TCP" }],
    },
  };
}

/** What the controller-manager makes a relationship of, with that first bundle. */
export function federatedTrustDomain({ trustDomain, endpoint, profile }: Peer): KubernetesObject {
  return {
    apiVersion: "spire.spiffe.io/v1alpha1",
    kind: "ClusterFederatedTrustDomain",
    // A trust domain may have _, and an object's name may not.
    metadata: { name: trustDomain.replaceAll("_", "-"), ...owned("spire-registration") },
    spec: {
      trustDomain,
      bundleEndpointURL: endpoint,
      bundleEndpointProfile:
        profile.type === "https_spiffe"
          ? { type: profile.type, endpointSPIFFEID: `spiffe://${trustDomain}/spire/server` }
          : { type: profile.type },
      ...(profile.type === "https_spiffe" ? { trustDomainBundle: profile.bundle } : {}),
    },
  };
}
