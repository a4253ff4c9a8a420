/** The nodes' own network, which nobody outside can reach. */
export const nodeNetwork = {
  bridge: "nodes",
  /** Of the lab itself on it: where the API server is, and the way out of which there is none. */
  gateway: "172.31.77.1",
  /** Of the node with a number from 1. */
  address: (number: number) => `172.31.77.${10 + number}`,
  prefix: 24,
  pods: "10.244.0.0/16",
} as const;

/** The cluster's Services. */
export const services = {
  range: "10.96.0.0/16",
  /** `kubernetes`, the first of the range. */
  api: "10.96.0.1",
  /** Where kubelets tell pods to ask for names. */
  dns: "10.96.0.10",
} as const;
