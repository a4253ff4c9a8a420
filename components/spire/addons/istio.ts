import { basename } from "node:path/posix";
import { csiDriver } from "./csi";
import { spire } from "../../../core/schema/spireNames";

/** Values for istiod's chart. */
export interface IstioValues {
  readonly meshConfig: {
    readonly trustDomain: string;
    readonly defaultConfig: { readonly proxyMetadata: Readonly<Record<string, string>> };
  };
  readonly sidecarInjectorWebhook: {
    readonly templates: Readonly<Record<string, string>>;
    readonly defaultTemplates: readonly string[];
  };
}

/**
 * A partial injection template: the volume in which istio-proxy looks for a socket (`workload-socket`, at /var/run/secrets/workload-spiffe-uds, in Istio's own
 * templates `sidecar` and `gateway`) becomes SPIRE's directory, read only. `$retainKeys`, of Kubernetes' strategic merge, takes away the empty directory that the
 * volume is in Istio's template: a volume of two kinds is refused (istio#46988). No container is named, since a sidecar is among the init containers from Istio
 * 1.27 on, and naming it elsewhere makes a second one (istio#56455).
 */
const template = `spec:
  volumes:
    - name: workload-socket
      $retainKeys: [name, csi]
      csi: { driver: ${csiDriver}, readOnly: true }
`;

/**
 * What istiod's chart has to be told for SPIRE to sign for its proxies (istio.io, Integrations, SPIRE; the chart's values.yaml): the trust domain, how SPIRE's
 * socket is called, and that each proxy gets it. `WORKLOAD_IDENTITY_SOCKET_FILE` is a file's name (istio pkg/istio-agent), from Istio 1.23.6 and 1.24.4 on.
 */
export const istioValues = (trustDomain: string): IstioValues => ({
  meshConfig: {
    trustDomain,
    defaultConfig: { proxyMetadata: { WORKLOAD_IDENTITY_SOCKET_FILE: basename(spire.sockets.workload) } },
  },
  sidecarInjectorWebhook: { templates: { spire: template }, defaultTemplates: ["sidecar", "spire"] },
});
