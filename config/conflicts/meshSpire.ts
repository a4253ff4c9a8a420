import { isForeign, isWorkload } from "../../core/schema/intent";
import type { Conflict, PartialConfig } from "./conflict";
import type { Path } from "../../core/util/path";

/** The one form of a SPIFFE ID that Istio takes (istio.io, Integrations, SPIRE). */
export const istioPath = "/ns/{namespace}/sa/{serviceAccount}";

/**
 * Which SPIRE goes with a mesh that is not Cilium, and what Istio wants of it. With authentication off nothing is asked of one that is there, since off must always
 * work.
 */
export function meshSpireConflicts(config: PartialConfig): Conflict[] {
  const { auth, mesh, spire } = config;
  const install = spire?.install;
  // Beside ztunnel SPIRE may be there for others: its certificates are of a CA of Cilium's own.
  if (!mesh || mesh.ztunnel || install === undefined || install === "none") return [];
  const refuse = (allowed: string) => [{ path: ["spire", "install"], hint: { allowed, example: "none" } }];
  if (!mesh.istio)
    return refuse("none with Linkerd, which has certificates of its own and takes SPIRE's for none of its pods");
  if (mesh.istio.mode === "ambient")
    return refuse("none in Istio's ambient mode, where ztunnel takes certificates from istiod alone (istio#42339)");
  if (install !== "managed")
    return refuse(
      "managed with Istio, where SPIRE is to sign for it, or none, where istiod does or somebody else's SPIRE",
    );
  return [...calls(spire), ...(auth === false ? [] : [...socket(spire), ...missingIds(config), ...otherIds(config)])];
}

function calls(spire: PartialConfig["spire"]): Conflict[] {
  const allowed = "nothing with another mesh: the policy is of Cilium's own kind";
  return spire?.egressPolicy ? [{ path: ["spire", "egressPolicy"], hint: { allowed } }] : [];
}

function socket(spire: PartialConfig["spire"]): Conflict[] {
  if (spire?.csi !== undefined) return [];
  const allowed =
    "where the nodes' kubelets keep what is theirs: Istio's sidecars get SPIRE's socket by its CSI driver. Or write spire.install none, and istiod signs";
  return [{ path: ["spire", "csi", "kubeletDirectory"], hint: { allowed, example: "/var/lib/kubelet" } }];
}

const workloadsOf = ({ spire }: PartialConfig) => spire?.workloads ?? [];

/** A sidecar without an entry gets no certificate, and its pod is never ready. */
function missingIds(config: PartialConfig): Conflict[] {
  const registered = registeredIn(config);
  const missing = meshed(config).filter((namespace) => !registered.has(namespace));
  if (missing.length === 0) return [];
  const workloads = workloadsOf(config);
  const names = workloads.map(({ name }) => name);
  const name = ["istio", `istio-${workloads.length + 1}`].find((name) => !names.includes(name)) ?? "istio-pods";
  const hint = {
    allowed: `identities with the path ${istioPath}, the one that Istio takes, for the pods of ${missing.join(", ")}`,
    example: JSON.stringify({ name, namespaces: missing, path: istioPath }),
  };
  return [{ path: ["spire", "workloads", workloads.length], hint }];
}

/** Envoy asks for one identity, and SPIRE's agent gives it the first that the pod has (spire doc/spire_agent.md, default_svid_name). */
function otherIds(config: PartialConfig): Conflict[] {
  const registered = registeredIn(config);
  const allowed = `a namespace whose pods have no identity of the path ${istioPath}: of two, a sidecar gets either`;
  return workloadsOf(config).flatMap(({ namespaces, path }, i) =>
    path === istioPath
      ? []
      : namespaces.flatMap((namespace, j): Conflict[] => {
          const at: Path = ["spire", "workloads", i, "namespaces", j];
          return registered.has(namespace) ? [{ path: at, hint: { allowed } }] : [];
        }),
  );
}

/** Namespaces whose pods have the identity that Istio takes. */
const registeredIn = (config: PartialConfig): ReadonlySet<string> =>
  new Set(workloadsOf(config).flatMap(({ namespaces, path }) => (path === istioPath ? namespaces : [])));

/** Namespaces with pods in the mesh, as far as this stack knows: its own, and those of callers. */
function meshed({ rollout, access = [] }: PartialConfig): string[] {
  const callers = access.flatMap(({ callers }) =>
    callers.filter(isWorkload).flatMap((caller) => (isForeign(caller) ? [] : caller.namespace)),
  );
  return [...new Set([...Object.keys(rollout?.phases ?? {}), ...callers])].sort();
}
