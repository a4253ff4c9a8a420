import { seconds } from "../../../core/util/duration";
import { inObject, type Guardrail } from "../../rules/guardrail";
import { mayBeSpire, spireConfigurationOf } from "../../rules/spireConfiguration";
import { listOf, recordOf } from "../../rules/values";

export const bundleRefresh: Guardrail = {
  name: "bundle-refresh",
  description: "Who takes SPIRE's bundle from elsewhere asks for it often enough to know a new CA before it signs.",
  severity: "mandatory",
  prevents:
    "Identities that a peer does not know: a CA's next key is published a third of its lifetime before it is used, and whoever asks for the bundle more seldom than that refuses what it has signed (spire pkg/server/ca/manager, spiffe/helm-charts-hardened#335).",
  remediation: "Write a refresh_hint of at most a twelfth of ca_ttl, or leave it out: 5m.",
  blocksOff: false,
  reads: (object) => object.kind === "ConfigMap" && mayBeSpire(object),
  checkObject: (object) => {
    const configuration = spireConfigurationOf(object, "server");
    if (!configuration) return [];
    const { file, main, plugin } = configuration;
    const ca = seconds(main["ca_ttl"] ?? "24h") ?? Infinity;
    const published = listOf(plugin("BundlePublisher", "k8s_configmap")["clusters"])
      .flatMap((map) => Object.entries(recordOf(map)))
      .map(([cluster, settings]): [string, unknown] => [
        `BundlePublisher.k8s_configmap.${cluster}`,
        recordOf(settings)["refresh_hint"],
      ]);
    const endpoint = recordOf(recordOf(main["federation"])["bundle_endpoint"]);
    return [...published, ["server.federation.bundle_endpoint", endpoint["refresh_hint"]] as const].flatMap(
      ([place, hint]) => {
        if (hint === undefined) return [];
        const where = `data["${file}"] ${place}.refresh_hint`;
        const interval = seconds(hint);
        if (interval === undefined)
          return [inObject(object, where, `is ${JSON.stringify(hint)}, which is no duration`)];
        const most = ca / 12;
        return interval > most
          ? [inObject(object, where, `is ${interval / 60}m; write at most ${Math.floor(most / 60)}m`)]
          : [];
      },
    );
  },
};
