/**
 * For what each `spire.size` is enough, with the lifetimes that are the default: up to so many nodes and so many identities of Cilium's in the cluster, and so many servers.
 * Reckoned from what a server was measured to take, and SPIRE's own figures: docs/scale.md; test/bench/scale.test.ts holds them against each other.
 */
export const spireSizes = {
  small: { nodes: 50, identities: 500, servers: 1 },
  medium: { nodes: 500, identities: 1000, servers: 2 },
  large: { nodes: 5000, identities: 1000, servers: 4 },
} as const;

export type SpireSize = keyof typeof spireSizes;

export const spireSizeNames = Object.keys(spireSizes) as [SpireSize, ...SpireSize[]];
