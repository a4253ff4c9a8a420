import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { mayBeSpire, spireConfigurationOf } from "../../rules/spireConfiguration";
import { recordOf } from "../../rules/values";

export const spireOptions: Guardrail = {
  name: "spire-options",
  description: "SPIRE's configuration has no option that is gone, going, or under suspicion.",
  severity: "mandatory",
  prevents:
    "A SPIRE that does not start after an upgrade: it refuses options that it no longer knows (spire CHANGELOG.md), the notifiers are about to go (spire#7222), and the event-based cache is what new entries were lost with (spire#7198).",
  remediation: "Remove the option; the bundle is published by the plugin BundlePublisher k8s_configmap.",
  blocksOff: false,
  reads: (object) => object.kind === "ConfigMap" && mayBeSpire(object),
  checkObject: (object) =>
    (["server", "agent"] as const).flatMap((part): Violation[] => {
      const configuration = spireConfigurationOf(object, part);
      if (!configuration) return [];
      const { file, main, names } = configuration;
      const at = (key: string) => `data["${file}"] ${key}`;
      const attestors = names("NodeAttestor").filter((name) => name === "k8s_sat");
      return [
        ...gone
          .filter((key) => main[key] !== undefined)
          .map((key) =>
            inObject(object, at(`${part}.${key}`), "is gone by SPIRE 1.14, which does not start with it; remove it"),
          ),
        ...attestors.map((name) => inObject(object, at(`NodeAttestor.${name}`), "is gone; write k8s_psat")),
        ...names("Notifier").map((name) =>
          inObject(object, at(`Notifier.${name}`), "is deprecated; write BundlePublisher k8s_configmap", "advisory"),
        ),
        ...(recordOf(main["experimental"])["events_based_cache"] === true
          ? [inObject(object, at(`${part}.experimental.events_based_cache`), "is true; remove it", "advisory")]
          : []),
      ];
    }),
};

/** Options that were removed until 1.14 (spire CHANGELOG.md); none of them is needed in 1.13. */
const gone = ["default_svid_ttl", "use_legacy_downstream_x509_ca_ttl", "retry_rebootstrap"];
