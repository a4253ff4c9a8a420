import type { Guardrail } from "../../rules/guardrail";
import { istioCallers } from "./istioCallers";
import { istioStrict } from "./istioStrict";
import { linkerdCallers } from "./linkerdCallers";
import { linkerdDefault } from "./linkerdDefault";
import { linkerdRoutes } from "./linkerdRoutes";
import { meshValid } from "./meshValid";

/** Policies of Istio and Linkerd. */
export const meshes: readonly Guardrail[] = [
  istioCallers,
  istioStrict,
  linkerdCallers,
  linkerdRoutes,
  linkerdDefault,
  meshValid,
];
