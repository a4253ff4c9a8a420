import type { StackConfig } from "../../../core/schema/schema";
import { sayOnce } from "../../../core/util/sayOnce";
import { isOpen } from "../../../core/access/decide";
import type { PhaseChange } from "../../../core/rollout/phases";

/**
 * For namespaces that this update closes: the label without which callers do not come through the waypoint, and those that may do certain operations alone are denied. It is
 * on a Service, which is somebody else's.
 */
export function waypointNotes({ mesh, access, cluster }: StackConfig, phases: readonly PhaseChange[]): string[] {
  const waypoint = mesh?.istio?.waypoint;
  if (waypoint === undefined) return [];
  const said = phases
    .filter(({ from, to }) => isOpen(from) && !isOpen(to))
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
