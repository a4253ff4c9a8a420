import type { Conflict, PartialConfig } from "./conflict";
import { isWorkload } from "../../core/schema/intent";

/** Callers of another trust domain, where nobody could prove to be one. Not while authentication is off: then nobody has to, and off must always work. */
export function foreignCallerConflicts(config: PartialConfig): Conflict[] {
  const { auth, access = [], trustDomain: own } = config;
  if (auth === false) return [];
  const inVain = whyInVain(config);
  return access.flatMap(({ callers }, i) =>
    callers.flatMap((caller, k): Conflict[] => {
      const trustDomain = isWorkload(caller) ? caller.trustDomain : undefined;
      if (trustDomain === undefined) return [];
      const allowed =
        trustDomain === own ? "nothing: without it a caller is of this trust domain, the stack's own" : inVain;
      return allowed === undefined ? [] : [{ path: ["access", i, "callers", k, "trustDomain"], hint: { allowed } }];
    }),
  );
}

/** Why none of them could ever call. */
function whyInVain({ mesh, spire }: PartialConfig): string | undefined {
  if (!mesh?.istio && !mesh?.linkerd)
    return "nothing: Cilium authenticates callers of its own cluster alone; name what they come through, as entity: ingress or a cidr";
  if (mesh.istio && spire?.install === "managed")
    return "nothing: SPIRE gives Istio's proxies the bundle of this trust domain alone, so that they trust no certificate of another";
  return undefined;
}
