import type { KubernetesObject, PlannedObject, PlannedRelease } from "../../core/util/kubernetes";
import { approvalObjects } from "./approval";
import { issuerObjects } from "./issuers";
import { linkerdObjects } from "./linkerd";
import { certManagerNamespace, certManagerRelease } from "./release";
import type { CertificatesArgs } from "./settings";
import { trustBundle } from "./trust";
import { workloadCertificate } from "./workloads";

/**
 * What the component makes: cert-manager where it is ours, who signs, who approves, and what is signed. The order: cert-manager's namespace; the policies, so that
 * cert-manager stops to approve only once somebody else can; cert-manager itself; issuers, each after what it signs with; certificates.
 *
 * All of it is retained: what leaves the program stays in the cluster, where somebody may depend on it until the day it would be renewed.
 *
 * @param component name of the component, the prefix of its resources' names
 */
export function certificateObjects(
  component: string,
  args: CertificatesArgs,
): { readonly objects: readonly PlannedObject[]; readonly release: PlannedRelease | undefined } {
  const objects: PlannedObject[] = [];
  const add = (thing: string, manifest: KubernetesObject, after: readonly string[]): string => {
    const name = `${component}-${thing}`;
    objects.push({ name, manifest, after, keep: "retained" });
    return name;
  };
  /** Each after those before it. */
  const addAll = (things: Readonly<Record<string, KubernetesObject>>, after: readonly string[], prefix = "") =>
    Object.entries(things).reduce<string[]>(
      (made, [thing, manifest]) => [...made, add(prefix + thing, manifest, [...after, ...made])],
      [],
    );

  const namespace = args.install === "managed" ? [add("namespace", certManagerNamespace(args), [])] : [];
  const approval = addAll(approvalObjects(args), []);
  const release = certManagerRelease(component, args, [...namespace, ...approval]);
  const needs = release ? [release.name] : approval;

  const issuers = new Map(
    Object.keys(args.issuers).map((name) => [name, addAll(issuerObjects(args, name), needs, `issuer-${name}.`)]),
  );
  addAll(linkerdObjects(args), needs, "linkerd-");
  const bundle = trustBundle(args);
  if (bundle) add("roots", bundle, [...needs, ...[...issuers.values()].flat()]);
  for (const workload of args.workloads)
    add(`workload-${workload.namespace}.${workload.name}`, workloadCertificate(args, workload), [
      ...needs,
      ...(issuers.get(workload.issuer) ?? []),
    ]);
  return { objects, release };
}
