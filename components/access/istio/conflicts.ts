import { type IstioMesh } from "./waypoint";
import { isWorkload, type Selector } from "../../../core/schema/intent";
import type { Intent } from "../../../core/schema/schema";
import { namesNetworks } from "./policies";
import type { MeshConflict } from "../mesh";
import { shortHash } from "../../../core/access/targets";
import { waypointConflicts } from "./waypointConflicts";

type Caller = Intent["callers"][number];

/**
 * What Istio cannot say, or would say wider than it is meant. Below a prefix it also admits segments that no intent admits, encoded ones say; with slashes merged
 * all of these are below the prefix for the server too.
 *
 * @param access every intent of a stack
 */
export function istioConflicts(access: readonly Intent[], mesh: IstioMesh): MeshConflict[] {
  const prefixed = access.some(({ operations = [] }) =>
    operations.some(({ paths = [] }) => paths.some((path) => "prefix" in path)),
  );
  return [
    ...access.flatMap((intent, i) => intent.callers.flatMap(callerConflicts(i))),
    ...openTwice(access),
    ...waypointConflicts(access, mesh),
    ...(prefixed && mesh.pathNormalization === "BASE" && (mesh.mode === "sidecar" || mesh.waypoint !== undefined)
      ? [
          {
            path: ["mesh", "istio", "pathNormalization"],
            allowed:
              "MERGE_SLASHES or DECODE_AND_MERGE_SLASHES, in Istio too, since access has a prefix: undecoded and unmerged, a path below it may lead elsewhere",
            example: "DECODE_AND_MERGE_SLASHES",
          },
        ]
      : []),
  ];
}

const callerConflicts =
  (i: number) =>
  (caller: Caller, k: number): MeshConflict[] => {
    const path = ["access", i, "callers", k];
    if ("entity" in caller)
      return [
        {
          path: [...path, "entity"],
          allowed:
            caller.entity === "ingress"
              ? "the service account of the gateway's pods: to Istio they are a workload as every other"
              : "a cidr with the addresses of these callers: Istio tells nobody apart who has no certificate",
        },
      ];
    if (isWorkload(caller) && caller.withoutAuthentication !== undefined)
      return [
        {
          path: [...path, "withoutAuthentication"],
          allowed:
            "nothing: Istio knows a workload by its certificate alone; a cidr with its addresses is admitted without one",
        },
      ];
    return [];
  };

/** Of two PeerAuthentications with selectors Istio applies the older one to a pod that both select, and ignores the ports of the other. */
function openTwice(access: readonly Intent[]): MeshConflict[] {
  const open = access.map((intent, i) => ({ intent, i })).filter(({ intent }) => namesNetworks(intent));
  return open.flatMap(({ intent: { target }, i }, n) => {
    const other = open
      .slice(0, n)
      .find(
        ({ intent }) =>
          intent.target.namespace === target.namespace &&
          shortHash(Object.entries(intent.target.selector).sort()) !==
            shortHash(Object.entries(target.selector).sort()) &&
          mayMeet(intent.target.selector, target.selector),
      );
    if (!other) return [];
    const allowed = `the selector of access[${other.i}] (${other.intent.name}), or one that wants another value of a label in it: both name networks, and Istio opens the ports of one of them to a pod that both select`;
    return [{ path: ["access", i, "target", "selector"], allowed }];
  });
}

const mayMeet = (a: Selector, b: Selector) => Object.entries(a).every(([key, value]) => (b[key] ?? value) === value);
