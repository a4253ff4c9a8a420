import type { PlannedObject } from "../kubernetes";
import { fluxValuesConfigMap, type CiliumAuthArgs } from "./values";

/** What CiliumAuth owns in the cluster: the values ConfigMap for Flux, or nothing. */
export function ciliumAuthObjects(component: string, args: CiliumAuthArgs): PlannedObject[] {
  if (args.delivery === "none") return [];
  return [{ name: `${component}-values`, manifest: fluxValuesConfigMap(args), after: [], keep: false }];
}
