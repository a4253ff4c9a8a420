import { parseImage } from "../../components/imageReference";
import type { KubernetesObject } from "../../components/kubernetes";
import { inObject, type Guardrail, type Severity, type Violation } from "../guardrail";
import { listOf, podOf, recordOf } from "../values";

export const imagesPinned: Guardrail = {
  name: "images-pinned",
  description: "Every container's image has a version, and a digest that holds it to that.",
  severity: "mandatory",
  prevents:
    "Pods that run something else than what was reviewed: whoever may push to a registry may move a tag, and latest moves by itself, until its old digest can no longer be pulled (spiffe/helm-charts-hardened#567).",
  remediation:
    "Name a version, and record its digest with npm run pin, or set both in spire.images. A missing digest stops nothing unless spire.images.requireDigests is true.",
  blocksOff: false,
  reads: ({ kind }) => pods.has(kind),
  checkObject: (workload, { config }) => {
    const missing: Severity = config.spire.images.requireDigests ? "mandatory" : "advisory";
    const { containers, initContainers } = recordOf(pods.get(workload.kind)?.(workload));
    return [
      ...listOf(initContainers).flatMap((entry) => check(workload, "init container", recordOf(entry), missing)),
      ...listOf(containers).flatMap((entry) => check(workload, "container", recordOf(entry), missing)),
    ];
  },
};

/** Where each kind of workload has its pod. */
const pods = new Map<string, (workload: KubernetesObject) => unknown>([
  ["StatefulSet", podOf],
  ["DaemonSet", podOf],
  ["Deployment", podOf],
  ["Job", podOf],
  ["CronJob", ({ spec }) => podOf(recordOf(recordOf(spec)["jobTemplate"]))],
  ["Pod", ({ spec }) => spec],
]);

/** The keys of spire.images, by the container that they are for. */
const keys = new Map<unknown, string>([
  ["spire-server", "server"],
  ["spire-agent", "agent"],
  ["spire-controller-manager", "controllerManager"],
]);

function check(
  workload: KubernetesObject,
  kind: string,
  { name, image }: Readonly<Record<string, unknown>>,
  missing: Severity,
): Violation[] {
  const report = (message: string, severity?: Severity) => [
    inObject(workload, `${kind} ${String(name)}`, message, severity),
  ];
  const key = keys.get(name);
  const set = (form: string) => (key === undefined ? `write ${form}` : `set spire.images.${key} to ${form}`);
  const parts = typeof image === "string" ? parseImage(image) : undefined;
  if (!parts)
    return report(`has the image ${JSON.stringify(image) ?? "none"}, no reference; ${set("registry/name:version")}`);

  const { repository, tag, digest } = parts;
  const versioned = set(`${repository}:<version>`);
  if (tag === "latest") return report(`has ${String(image)}, a tag that moves; ${versioned}`);
  if (digest !== undefined) return [];
  if (tag === undefined) return report(`has ${repository} without a version or digest; ${versioned}`);
  const pinned =
    key === undefined
      ? `write ${repository}:${tag}@sha256:<digest>`
      : `run npm run pin -- ${repository}:${tag}, or set spire.images.${key} with one`;
  return report(`has ${repository}:${tag} without a digest; ${pinned}`, missing);
}
