/** Every image that this program deploys, by component and version. */
export const images = {
  server: (version: string) => `ghcr.io/spiffe/spire-server:${version}`,
  agent: (version: string) => `ghcr.io/spiffe/spire-agent:${version}`,
  controllerManager: () => "ghcr.io/spiffe/spire-controller-manager:0.7.0",
} as const;
