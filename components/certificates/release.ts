import { withoutNulls } from "../../core/util/nulls";
import type { KubernetesObject, PlannedRelease } from "../../core/util/kubernetes";
import { owned } from "../../core/util/kubernetes";
import { component as label, type CertificatesArgs } from "./settings";

/** Where cert-manager's chart is, unless the configuration says otherwise. */
const defaultChart = "oci://quay.io/jetstack/charts/cert-manager";

/** cert-manager's namespace, where it is ours. Its pods meet Pod Security's restricted. */
export function certManagerNamespace({ namespace }: CertificatesArgs): KubernetesObject {
  const modes = ["enforce", "warn", "audit"].map((mode) => [`pod-security.kubernetes.io/${mode}`, "restricted"]);
  return {
    apiVersion: "v1",
    kind: "Namespace",
    metadata: { name: namespace, ...owned(label, { labels: Object.fromEntries(modes) as Record<string, string> }) },
  };
}

/**
 * The values for cert-manager's chart. Its CRDs come with the release and outlive it: with them would go every certificate in the cluster, and who looks after them.
 * Gateways are spelled out where a solver needs them: cert-manager does not start where it is told of them and their CRDs are not there (pkg/controller/context.go).
 */
export function certManagerValues({ values, issuers, approval }: CertificatesArgs): object {
  const gateways = Object.values(issuers).some(({ acme }) => acme?.solvers.some(({ gateway }) => gateway));
  return {
    ...withoutNulls(values),
    crds: { enabled: true, keep: true },
    ...(gateways ? { config: { ...(values["config"] as object | undefined), enableGatewayAPI: true } } : {}),
    ...(approval ? { disableAutoApproval: true } : {}),
  };
}

/**
 * The release of cert-manager, where it is ours. Helm waits until its webhook answers (the chart's startupapicheck): before that the API server takes none of the
 * issuers that come after it.
 *
 * @param after names of the objects that come first
 * @returns undefined where it is there already
 */
export function certManagerRelease(
  component: string,
  args: CertificatesArgs,
  after: readonly string[],
): PlannedRelease | undefined {
  if (args.install === "external") return undefined;
  const { namespace, version, chart } = args;
  return {
    name: `${component}-release`,
    after,
    keep: "retained",
    args: {
      name: "cert-manager",
      namespace,
      version: `v${version}`,
      chart: chart ?? defaultChart,
      values: certManagerValues(args),
      allowNullValues: true,
      maxHistory: 10,
      skipAwait: false,
    },
  };
}
