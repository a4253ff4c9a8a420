import { nodeNetwork } from "./network";
import { references } from "./clusterImages";

/**
 * Values of Cilium's chart as a team with a cluster like this one would have them, all but those that the program owns.
 *
 * @param port of the API server, which agents reach without the Service that they make
 */
export const ciliumBaseValues = (port: number) => ({
  image: { override: references.cilium, pullPolicy: "Never" },
  operator: { image: { override: references.cilium, pullPolicy: "Never" }, replicas: 1 },
  k8sServiceHost: nodeNetwork.gateway,
  k8sServicePort: port,
  kubeProxyReplacement: true,
  ipam: { mode: "kubernetes" },
  // Envoy is no Go program, and so not here: rules for HTTP are not enforced.
  l7Proxy: false,
  envoy: { enabled: false },
  // Without a program of Cilium's own image.
  healthChecking: false,
  endpointHealthChecking: { enabled: false },
  // A node has it where the chart would mount it.
  cgroup: { autoMount: { enabled: false }, hostRoot: "/run/cilium/cgroupv2" },
  // It is for what systemd sets, which does not run here.
  sysctlfix: { enabled: false },
  // All rights that there are, and not a list of them, of which this machine may lack one.
  securityContext: { privileged: true },
  // The maps are as large as the machine's memory lets them be, and there are two nodes on it.
  bpf: { mapDynamicSizeRatio: 0.0025 },
  hubble: {
    enabled: true,
    tls: { enabled: false },
    // Its profiler writes a file, for which only Cilium's own image has a place.
    relay: { enabled: true, image: { override: references.cilium, pullPolicy: "Never" }, gops: { enabled: false } },
  },
});
