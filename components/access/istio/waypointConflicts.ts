import { sortedLabels } from "../../../core/schema/intent";
import type { Intent } from "../../../core/schema/schema";
import { type IstioMesh, serviceOf } from "./waypoint";
import type { MeshConflict } from "../mesh";

interface Placed {
  readonly intent: Intent;
  readonly i: number;
}

/**
 * What cannot be said of requests, which in ambient mode a waypoint alone knows, and of the Services in front of targets.
 *
 * @param access every intent of a stack
 */
export function waypointConflicts(access: readonly Intent[], { mode, waypoint }: IstioMesh): MeshConflict[] {
  if (mode === "sidecar") return waypoint === undefined ? servicesInVain(access) : [inVain, ...servicesInVain(access)];
  const placed = access.map((intent, i) => ({ intent, i }));
  const limited = placed.filter(({ intent }) => intent.operations);
  if (waypoint === undefined) return [...servicesInVain(access), ...(limited.length > 0 ? [missing(limited[0]!)] : [])];
  return [
    ...limited.flatMap((one) => (placed.some(sharesTarget(one)) ? [] : [noService(one)])),
    ...limited.flatMap(networks),
    ...twoServices(placed),
  ];
}

const inVain: MeshConflict = {
  path: ["mesh", "istio", "waypoint"],
  allowed: "nothing with sidecars, which know requests themselves; or mesh.istio.mode ambient",
};

/** Services in the targets of intents, where no mesh has a use for them. */
export const servicesInVain = (access: readonly Intent[]): MeshConflict[] =>
  access.flatMap(({ target }, i) =>
    target.service
      ? [
          {
            path: ["access", i, "target", "service"],
            allowed: "nothing: it has an effect only in Istio's ambient mode, with mesh.istio.waypoint",
          },
        ]
      : [],
  );

const missing = ({ intent, i }: Placed): MeshConflict => ({
  path: ["mesh", "istio", "waypoint"],
  allowed: `the name of a Gateway, which this program makes, since access[${i}] (${intent.name}) has operations and ztunnel knows connections alone`,
  example: "waypoint",
});

const noService = ({ intent, i }: Placed): MeshConflict => ({
  path: ["access", i, "target", "service"],
  allowed:
    "{ name, port } of the Service through which its callers come, since it has operations: the waypoint, which knows requests, is in front of Services",
  example: JSON.stringify({ name: intent.name, port: 80 }),
});

/** Whether an intent is on the same target and port and says which Service is in front of it. */
const sharesTarget =
  ({ intent }: Placed) =>
  (other: Placed): boolean =>
    other.intent.target.service !== undefined && targetOf(other.intent) === targetOf(intent);

const networks = ({ intent, i }: Placed): MeshConflict[] =>
  intent.callers.flatMap((caller, k) =>
    "cidr" in caller
      ? [
          {
            path: ["access", i, "callers", k, "cidr"],
            allowed:
              "nothing beside operations: who is not in the mesh does not come through the waypoint; an intent of its own, without operations, admits it",
          },
        ]
      : [],
  );

/** A target has one Service, and a Service's port leads to one target. */
function twoServices(placed: readonly Placed[]): MeshConflict[] {
  const firstOf = new Map<string, Placed>();
  return placed.flatMap(({ intent, i }) => {
    const service = serviceOf(intent);
    if (!service) return [];
    const { namespace, selector } = intent.target;
    // What has to be the same wherever the first is.
    const facts: [key: string, value: string, problem: (other: string) => string][] = [
      [
        `target ${targetOf(intent)}`,
        JSON.stringify(service),
        (other) => `the service of ${other}, which is on the same target and port`,
      ],
      [
        `service ${namespace}/${service.name}`,
        JSON.stringify(sortedLabels(selector)),
        (other) => `another Service than that of ${other}, or the same selector: a Service has one`,
      ],
      [
        `port ${namespace}/${service.name}:${service.port}`,
        String(intent.port),
        (other) => `another port of the Service than that of ${other}: it leads to one port of the pods`,
      ],
    ];
    return facts.flatMap(([key, value, problem]) => {
      const known = firstOf.get(`${key} ${value}`);
      const first = firstOf.get(key);
      if (!first) {
        firstOf.set(key, { intent, i });
        firstOf.set(`${key} ${value}`, { intent, i });
        return [];
      }
      if (known) return [];
      return [
        {
          path: ["access", i, "target", "service"],
          allowed: problem(`access[${first.i}] (${first.intent.name})`),
        },
      ];
    });
  });
}

const targetOf = ({ target, port }: Intent) => JSON.stringify([target.namespace, sortedLabels(target.selector), port]);
