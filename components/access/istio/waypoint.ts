import { type StackConfig, type Intent, isClosed } from "../../../core/schema/schema";
import { sayOnce } from "../../../core/util/sayOnce";
import { type PhaseChange } from "../../../core/rollout/phases";
import { owned, type KubernetesObject } from "../../../core/util/kubernetes";

/** A Service in front of a target, and the port of it that leads to the target's. */
export interface ServicePort {
  readonly name: string;
  readonly port: number;
}

/**
 * The Service through whose waypoint callers come to a target; undefined where they come to it directly.
 *
 * @param waypoint the Gateway's name, where there is one
 * @param intents with the same target and port
 */
export function waypointTarget(waypoint: string | undefined, intents: readonly Intent[]): ServicePort | undefined {
  const service = intents.map(serviceOf).find((service) => service !== undefined);
  return waypoint === undefined ? undefined : service;
}

/** The Service that an intent names, with its port. */
export function serviceOf({ target: { service }, port }: Intent): ServicePort | undefined {
  return service && { name: service.name, port: service.port ?? port };
}

/**
 * Whose certificate the pods behind a waypoint see: that of the service account that istiod makes for the Gateway, and names after it (istio, pilot/pkg/config/kube/gateway,
 * the template of waypoints).
 */
export function waypointIdentity(of: { trustDomain: string; namespace: string; waypoint?: string }): string {
  return `${of.trustDomain}/ns/${of.namespace}/sa/${of.waypoint}`;
}

/**
 * A Gateway that istiod makes a waypoint of, for Services: calls to a pod's address do not go through it, and the pods themselves refuse these (Istio's documentation, Configure
 * waypoint proxies). Which Services use it their label `istio.io/use-waypoint` says, which is not of this program. Routes of other namespaces may not be in it.
 */
export function waypointGateway(namespace: string, name: string): KubernetesObject {
  return {
    apiVersion: "gateway.networking.k8s.io/v1",
    kind: "Gateway",
    metadata: { name, namespace, ...owned("access", { labels: { "istio.io/waypoint-for": "service" } }) },
    spec: {
      gatewayClassName: "istio-waypoint",
      listeners: [{ name: "mesh", port: 15008, protocol: "HBONE", allowedRoutes: { namespaces: { from: "Same" } } }],
    },
  };
}

/** How Istio is set up, as far as it decides what can be said. */
export interface IstioMesh {
  readonly mode: "sidecar" | "ambient";
  readonly pathNormalization: "BASE" | "MERGE_SLASHES" | "DECODE_AND_MERGE_SLASHES";
  /** The Gateway in front of targets that have a `service`. */
  readonly waypoint?: string | undefined;
}

/**
 * For namespaces that this update closes: the commands that label the Services of targets. Without the label callers bypass the waypoint, and callers that are limited to certain
 * operations are denied. This program does not own the Services, so it does not label them.
 */
export function waypointNotes({ mesh, access, cluster }: StackConfig, phases: readonly PhaseChange[]): string[] {
  const waypoint = mesh?.istio?.waypoint;
  if (waypoint === undefined) return [];
  const said = phases
    .filter(({ from, to }) => !isClosed(from) && isClosed(to))
    .flatMap(({ namespace }) => {
      const services = access.flatMap(({ target }) =>
        target.namespace === namespace && target.service ? [target.service.name] : [],
      );
      return [...new Set(services)].map((service) => ({
        namespace,
        text:
          `callers that may do certain operations alone are denied in ${namespace} unless they come through the waypoint: ` +
          `kubectl --context ${cluster.context} label service ${service} --namespace ${namespace} istio.io/use-waypoint=${waypoint}`,
      }));
    });
  return sayOnce(said);
}
