import { isClosed } from "../../core/schema/schema";
import type { Conflict, PartialConfig } from "./conflict";
import { valueAt, type Path } from "../../core/util/path";
import { minorNumberOf } from "../../core/schema/versions";

/**
 * What Cilium's ztunnel would void, or does not go with (cilium Documentation/security/network/encryption-ztunnel.rst, operator/auth/watcher.go, pkg/ztunnel/cell.go). All of it
 * with authentication off too: there is no such stack with it on, so that none of this stands in the way off.
 */
export function ztunnelConflicts(config: PartialConfig): Conflict[] {
  const { auth, access = [], accessFile, rollout } = config;
  const { clusterMesh, version, valuesFile } = config.cluster?.cilium ?? ({} as NonNullable<Cilium>);
  const at = (key: string) => ["cluster", "cilium", key];
  const ca = valueAt(config, ["baseValues", "encryption", "ztunnel", "ca", "type"]);
  const denying = Object.entries(rollout?.phases ?? {}).filter(([, phase]) => isClosed(phase));
  return [
    ...when(
      auth === true,
      ["auth"],
      "false: beside ztunnel Cilium authenticates nobody; turn it off first, in an update of its own",
      "false",
    ),
    ...when(
      access.length > 0,
      [accessFile === undefined ? "access" : "accessFile"],
      "nothing: with ztunnel Cilium's policies match no port but its own, so no intent could be kept; keep them in Git for the way back, or let mesh.istio or mesh.linkerd decide",
    ),
    ...denying.flatMap(([namespace]) =>
      when(
        true,
        ["rollout", "phases", namespace],
        "off, or observe, which enrols it: with ztunnel nobody can be denied",
        "observe",
      ),
    ),
    ...when(
      clusterMesh === true,
      at("clusterMesh"),
      "false: in a ClusterMesh Cilium's agents do not start with ztunnel",
      "false",
    ),
    ...when(isBelow(version, 19), at("version"), "1.19 or later, which has ztunnel", "1.20.2"),
    ...when(
      ca === "spire",
      at("valuesFile"),
      "a file with encryption.ztunnel.ca.type internal: SPIRE's certificates for ztunnel are begun in Cilium 1.20, and incomplete (cilium#41900)",
      valuesFile,
    ),
  ];
}

type Cilium = NonNullable<PartialConfig["cluster"]>["cilium"];

const when = (isWrong: boolean, path: Path, allowed: string, example?: string): Conflict[] =>
  isWrong ? [{ path, hint: { allowed, ...(example === undefined ? {} : { example }) } }] : [];

/** Whether a version is below a minor of Cilium's 1. */
function isBelow(version: string | undefined, least: number): boolean {
  return version !== undefined && version.startsWith("1.") && minorNumberOf(version) < least;
}
