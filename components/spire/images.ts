/** Every image that this program deploys, by component and version. */
export const images = {
  server: (version: string) => `ghcr.io/spiffe/spire-server:${version}`,
  agent: (version: string) => `ghcr.io/spiffe/spire-agent:${version}`,
  controllerManager: () => "ghcr.io/spiffe/spire-controller-manager:0.7.0",
  /** For the SPIRE in Cilium's chart: the image that the chart itself has beside it (install/kubernetes/cilium/values.yaml, 1.20.2). */
  bundledInit: () =>
    "docker.io/library/busybox:1.38.0@sha256:dc2d74b28e4cf8984fa52af1f39bc7c3d9c73760b41a74d629f5d11b1ab28616",
} as const;
