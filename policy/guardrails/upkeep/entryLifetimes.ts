import { seconds } from "../../../core/util/duration";
import type { KubernetesObject } from "../../../core/util/kubernetes";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { spireConfigurationOf } from "../../rules/spireConfiguration";
import { recordOf } from "../../rules/values";

export const entryLifetimes: Guardrail = {
  name: "entry-lifetimes",
  description: "No registration entry asks for SVIDs that live longer than a day, or than the CA can vouch for.",
  severity: "mandatory",
  prevents:
    "A stolen key that is good for weeks, or an SVID that is cut short: a lifetime in an entry wins over the server's, which checks its own alone and caps it at what is left of the CA (spire pkg/server/ca/manager, doc/spire_server.md).",
  remediation: "Leave the lifetime out of the entry, or write at most 24h and a sixth of the server's ca_ttl.",
  blocksOff: false,
  reads: isEntry,
  checkObject: (entry) =>
    lifetimes(entry).flatMap(([key, value, lifetime]) => {
      if (lifetime === undefined)
        return [at(entry, key, `is ${JSON.stringify(value)}, which is no duration; write 1h`)];
      return lifetime > 86_400 ? [at(entry, key, `is ${lifetime / 3600}h; write at most 24h`)] : [];
    }),
  checkStack: ({ objects }) => {
    const [server] = objects.flatMap((object) => spireConfigurationOf(object, "server") ?? []);
    const ca = seconds(server?.main["ca_ttl"] ?? "24h");
    if (!server || ca === undefined) return [];
    return objects
      .filter(isEntry)
      .flatMap((entry) =>
        lifetimes(entry).flatMap(([key, , lifetime = 0]) =>
          lifetime > ca / 6 && lifetime <= 86_400
            ? [
                at(
                  entry,
                  key,
                  `is ${lifetime / 3600}h, more than the ${ca / 6 / 3600}h that a CA of ${ca / 3600}h guarantees`,
                ),
              ]
            : [],
        ),
      );
  },
};

const keys = ["x509SVIDTTL", "jwtSVIDTTL", "ttl", "jwtTtl"];

function isEntry({ apiVersion, kind }: KubernetesObject): boolean {
  return apiVersion.startsWith("spire.spiffe.io/") && (kind === "ClusterStaticEntry" || kind === "ClusterSPIFFEID");
}

function lifetimes({ spec }: KubernetesObject): [key: string, value: unknown, seconds: number | undefined][] {
  const given = recordOf(spec);
  return keys.filter((key) => given[key] !== undefined).map((key) => [key, given[key], seconds(given[key])]);
}

const at = (entry: KubernetesObject, key: string, message: string): Violation =>
  inObject(entry, `spec.${key}`, message);
