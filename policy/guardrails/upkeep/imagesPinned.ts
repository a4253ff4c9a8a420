import { inObject, type Guardrail, type Severity, type Violation } from "../../rules/guardrail";
import { hasContainers, imagesOf, type ContainerImage } from "../../rules/images";
import { textOf } from "../../rules/values";

export const imagesPinned: Guardrail = {
  name: "images-pinned",
  description: "Every container's image has a version, and a digest that holds it to that.",
  severity: "mandatory",
  prevents:
    "Pods that run something else than what was reviewed: whoever may push to a registry may move a tag, and latest moves by itself, until its old digest can no longer be pulled (spiffe/helm-charts-hardened#567).",
  remediation:
    "Name a version, and record its digest with npm run pin, or set both in spire.images. A missing digest stops nothing unless spire.images.requireDigests is true.",
  blocksOff: false,
  reads: hasContainers,
  checkObject: (workload, { config }) => {
    const missing: Severity = config.spire.images.requireDigests ? "mandatory" : "advisory";
    return imagesOf(workload).flatMap((image) => check(image, missing));
  },
};

/** The keys of spire.images, by the container that they are for. */
const keys = new Map<unknown, string>([
  ["spire-server", "server"],
  ["spire-agent", "agent"],
  ["spire-controller-manager", "controllerManager"],
  ["spire-oidc", "oidcProvider"],
  ["spire-postgres", "postgres"],
  ["spiffe-csi-driver", "csiDriver"],
  ["csi-node-driver-registrar", "csiRegistrar"],
]);

function check({ object, where, container, image, parts }: ContainerImage, missing: Severity): Violation[] {
  const report = (message: string, severity?: Severity) => [inObject(object, where, message, severity)];
  const key = keys.get(container);
  const set = (form: string) => (key === undefined ? `write ${form}` : `set spire.images.${key} to ${form}`);
  if (!parts)
    return report(`has the image ${JSON.stringify(image) ?? "none"}, no reference; ${set("registry/name:version")}`);

  const { repository, tag, digest } = parts;
  const versioned = set(`${repository}:<version>`);
  if (tag === "latest") return report(`has ${textOf(image)}, a tag that moves; ${versioned}`);
  if (digest !== undefined) return [];
  if (tag === undefined) return report(`has ${repository} without a version or digest; ${versioned}`);
  const pinned =
    key === undefined
      ? `write ${repository}:${tag}@sha256:<digest>`
      : `run npm run pin -- ${repository}:${tag}, or set spire.images.${key} with one`;
  return report(`has ${repository}:${tag} without a digest; ${pinned}`, missing);
}
