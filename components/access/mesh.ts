import { type Intent, type StackConfig } from "../../core/schema/schema";
import { routeConflict } from "./linkerd/routes";
import { byTarget } from "../../core/access/targets";
/** What has to be known of who may call whom where Cilium's ztunnel is. */
export const ztunnelNote =
  "mesh.ztunnel is experimental: ztunnel encrypts TCP between the pods of enrolled namespaces, and nobody decides who may call whom (docs/ztunnel.md)";

/** What a mesh cannot say of a configuration. */
export interface MeshConflict {
  /** The key, from the configuration's own. */
  readonly path: readonly (string | number)[];
  readonly allowed: string;
  readonly example?: string;
}

/**
 * Returns the intents of one namespace that the mesh can express. The configuration may have other intents only while authentication is off, because nothing in it may stop turning it off.
 * All callers are admitted then, so leaving these intents out denies no caller.
 */
export function tellable(intents: readonly Intent[], mesh: StackConfig["mesh"]): readonly Intent[] {
  if (!mesh?.istio && !mesh?.linkerd) return intents;
  const named = intents.map((intent) => ({
    ...intent,
    callers: intent.callers.filter((caller) => !("entity" in caller)),
  }));
  return mesh.linkerd ? byTarget(named).flatMap(withoutConflict) : named;
}

/** @param intents with the same target and port */
function withoutConflict(intents: readonly Intent[]): readonly Intent[] {
  const limited = intents.filter(({ operations }) => operations);
  if (limited.length === 0 || routeConflict(limited) === undefined) return intents;
  return intents.filter(({ operations }) => !operations);
}
