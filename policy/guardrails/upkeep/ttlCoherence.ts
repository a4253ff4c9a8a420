import { seconds } from "../../../core/util/duration";
import type { KubernetesObject } from "../../../core/util/kubernetes";

import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { mayBeSpire, spireConfigurationOf } from "../../rules/spireConfiguration";
import { listOf, numberOf, podOf, recordOf } from "../../rules/values";

export const ttlCoherence: Guardrail = {
  name: "ttl-coherence",
  description:
    "Identities live at most a day and no longer than the CA can vouch for, agents' tokens long enough to attest.",
  severity: "mandatory",
  prevents:
    "Identities cut short: a SPIRE CA guarantees a sixth of its lifetime, at most 7 days, and what is asked beyond is silently capped; a token below 600 s is refused by Kubernetes, and a short one expires while a kubelet restarts (SPIRE pkg/server/ca/manager, cilium#29814).",
  remediation: "Raise spire.ttl.ca to at least six times the longest of the other lifetimes, or lower those.",
  blocksOff: false,
  reads: (o) => ["ConfigMap", "DaemonSet", "StatefulSet", "Deployment"].includes(o.kind) && mayBeSpire(o),
  checkObject: (manifest) => [...lifetimes(manifest), ...tokens(manifest)],
};

const day = 86_400;
/** Lifetimes in a server's configuration, the CA's first, with what SPIRE takes where one is missing (doc/spire_server.md). */
const defaults = { ca_ttl: "24h", default_x509_svid_ttl: "1h", default_jwt_svid_ttl: "5m", agent_ttl: "1h" } as const;

function lifetimes(manifest: KubernetesObject): Violation[] {
  const configuration = spireConfigurationOf(manifest, "server");
  if (!configuration) return [];
  const { file, main: server } = configuration;
  const given = Object.entries(defaults).map(([key, value]) => ({ key, value: server[key] ?? value }));
  const ca = seconds(given[0]?.value) ?? Infinity;
  return given.flatMap(({ key, value }, i) => {
    const report = (message: string) => [inObject(manifest, `data["${file}"] server.${key}`, message)];
    const lifetime = seconds(value);
    if (lifetime === undefined) return report(`is ${JSON.stringify(value)}, which is no duration`);
    if (i === 0) return [];
    const hours = `is ${lifetime / 3600}h, more than the`;
    return [
      ...(lifetime > ca / 6 ? report(`${hours} ${ca / 6 / 3600}h that a CA of ${ca / 3600}h guarantees`) : []),
      ...(lifetime > day ? report(`${hours} 24h after which what was stolen must be worthless`) : []),
    ];
  });
}

function tokens(manifest: KubernetesObject): Violation[] {
  return listOf(podOf(manifest)["volumes"])
    .flatMap((volume) => listOf(recordOf(recordOf(volume)["projected"])["sources"]))
    .map((source) => recordOf(recordOf(source)["serviceAccountToken"]))
    .filter(({ audience }) => audience === "spire-server")
    .flatMap(({ expirationSeconds = 3600 }) => {
      const place = "serviceAccountToken.expirationSeconds";
      const lifetime = numberOf(expirationSeconds);
      if (lifetime < 600) return [inObject(manifest, place, `is ${lifetime}, below the 600 that Kubernetes accepts`)];
      if (lifetime >= 3600) return [];
      return [
        inObject(manifest, place, `is ${lifetime}; below 3600 it may expire while a kubelet restarts`, "advisory"),
      ];
    });
}
