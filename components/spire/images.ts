import { parseImage } from "../../core/util/imageReference";
import digests from "./digests.json";
import type { ManagedSpire } from "./settings";

/** Digests by repository and version, each with where it was read. `npm run pin` adds to the file. */
export type Digests = Readonly<Record<string, Readonly<Record<string, { digest: string; source: string }>>>>;
const known: Digests = digests;

/** The images that are deployed unless the configuration names others, without digests. */
export const defaultImages = (version: string) => ({
  server: `ghcr.io/spiffe/spire-server:${version}`,
  agent: `ghcr.io/spiffe/spire-agent:${version}`,
  // Has versions of its own; this is the one that SPIRE's chart deploys (spiffe/helm-charts-hardened).
  controllerManager: "ghcr.io/spiffe/spire-controller-manager:0.7.0",
  oidcProvider: `ghcr.io/spiffe/oidc-discovery-provider:${version}`,
  // These two as well.
  csiDriver: "ghcr.io/spiffe/spiffe-csi-driver:0.2.13",
  csiRegistrar: "registry.k8s.io/sig-storage/csi-node-driver-registrar:v2.16.0",
});

/** For the SPIRE in Cilium's chart: the image that the chart itself has beside it, whose digest is recorded like the others. */
export const bundledInitImage = () => withDigest("docker.io/library/busybox:1.38.0");

/** PostgreSQL's, as Docker builds it, for a lab's database. */
export const labDatabaseImage = ({ images }: Pick<ManagedSpire, "images">) =>
  withDigest(images.postgres ?? "docker.io/library/postgres:17.11");

/** Every image of a SPIRE deployment, `repository:version@digest` where a digest is known, and `repository:version` where none is. */
export function imagesOf({
  version,
  images,
}: Pick<ManagedSpire, "version" | "images">): ReturnType<typeof defaultImages> {
  const defaults = defaultImages(version);
  return {
    server: withDigest(images.server ?? defaults.server),
    agent: withDigest(images.agent ?? defaults.agent),
    controllerManager: withDigest(images.controllerManager ?? defaults.controllerManager),
    oidcProvider: withDigest(images.oidcProvider ?? defaults.oidcProvider),
    csiDriver: withDigest(images.csiDriver ?? defaults.csiDriver),
    csiRegistrar: withDigest(images.csiRegistrar ?? defaults.csiRegistrar),
  };
}

function withDigest(image: string): string {
  const { repository = "", tag = "", digest } = parseImage(image) ?? {};
  const found = digest === undefined ? known[repository]?.[tag]?.digest : undefined;
  return found === undefined ? image : `${image}@${found}`;
}
