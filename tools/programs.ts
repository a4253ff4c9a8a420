import { readFileSync } from "node:fs";
import { join } from "node:path";

/** How a program is built. */
export interface Program {
  /** The folder under tools/ with the go.mod and go.sum that pin it and all it is made of. */
  readonly module: string;
  readonly package: string;
  /**
   * Whether it is built with C. All programs of a module are, or none: the two share no compiled packages.
   *
   * @default false
   */
  readonly cgo?: boolean;
  /** Flags for the linker by the version in go.mod: without them the program knows no version, or a wrong one. */
  readonly ldflags?: (version: string) => string;
  /** What building it takes the first time, on two cores, after those above it. */
  readonly minutes: number;
  /**
   * Whether it is ours: the module's folder has its source, which says why.
   *
   * @default false
   */
  readonly own?: boolean;
  /**
   * The file that says by how many seconds its clock is ahead (tools/clock.ts).
   *
   * @default none: it has the machine's
   */
  readonly clock?: string;
}

const kubernetes = (name: string, minutes: number): Program => ({
  module: "kubernetes",
  package: `k8s.io/kubernetes/cmd/${name}`,
  ldflags: (version) =>
    ["k8s.io/component-base/version", "k8s.io/client-go/pkg/version"]
      .map((path) => `-X ${path}.gitVersion=${version}`)
      .join(" "),
  minutes,
});

// spire-server's SQLite is written in C.
const spire = (path: string, minutes: number): Program => ({
  module: "spire",
  package: `github.com/spiffe/spire/${path}`,
  cgo: true,
  ldflags: (version) => `-X github.com/spiffe/spire/pkg/common/version.gittag=${version.slice(1)}`,
  minutes,
});

const cilium = (path: string, minutes: number): Program => ({
  module: "cilium",
  package: `github.com/cilium/cilium/${path}`,
  minutes,
});

const table = {
  helm: { module: "helm", package: "helm.sh/helm/v4/cmd/helm", minutes: 2 },
  "kube-score": { module: "kube-score", package: "github.com/zegl/kube-score/cmd/kube-score", minutes: 1 },
  pulumi: {
    module: "pulumi",
    package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
    ldflags: (version) => `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${version}`,
    minutes: 4,
  },
  etcd: { module: "etcd", package: "go.etcd.io/etcd/server/v3", minutes: 1 },
  kubectl: kubernetes("kubectl", 2),
  "kube-apiserver": kubernetes("kube-apiserver", 4),
  "kube-controller-manager": kubernetes("kube-controller-manager", 2),
  "kube-scheduler": kubernetes("kube-scheduler", 1),
  kubelet: kubernetes("kubelet", 2),
  kwok: { module: "kwok", package: "sigs.k8s.io/kwok/cmd/kwok", minutes: 2 },
  "spire-server": spire("cmd/spire-server", 6),
  "spire-agent": spire("cmd/spire-agent", 2),
  "oidc-discovery-provider": spire("support/oidc-discovery-provider", 1),
  "spiffe-csi-driver": {
    module: "spiffe-csi",
    package: "github.com/spiffe/spiffe-csi/cmd/spiffe-csi-driver",
    ldflags: (version) => `-X github.com/spiffe/spiffe-csi/internal/version.gitTag=${version.slice(1)}`,
    minutes: 1,
  },
  "spire-controller-manager": {
    module: "spire-controller-manager",
    package: "github.com/spiffe/spire-controller-manager/cmd",
    minutes: 2,
  },
  "cert-manager": {
    module: "cert-manager",
    package: "github.com/cert-manager/cert-manager/lab",
    minutes: 3,
    own: true,
  },
  "cilium-operator": cilium("operator", 5),
  "cilium-agent": cilium("daemon", 4),
  "cilium-cni": cilium("plugins/cilium-cni", 1),
  "cilium-dbg": cilium("cilium-dbg", 1),
  hubble: cilium("hubble", 1),
  "hubble-relay": cilium("hubble-relay", 1),
  // With clocks that can be set, in places that their pods share with the node.
  "spire-server-clock": { ...spire("cmd/spire-server", 8), clock: "/run/spire/data/clock" },
  "spire-agent-clock": { ...spire("cmd/spire-agent", 2), clock: "/run/spire/sockets/clock" },
  "cilium-agent-clock": { ...cilium("daemon", 8), clock: "/var/run/cilium/clock" },
  "cilium-policy": { module: "cilium", package: "zero-trust/tools/cilium", minutes: 1, own: true },
  coredns: { module: "coredns", package: "github.com/coredns/coredns", minutes: 3 },
} satisfies Record<string, Program>;

export type ProgramName = keyof typeof table;

/** Every program that the lab runs, and those that judge what is rendered. */
export const programs: Readonly<Record<ProgramName, Program>> = table;

export const programNames = Object.keys(table) as ProgramName[];

/** Those with the machine's clock: the others are the same, for one test. */
export const standardNames = programNames.filter((name) => programs[name].clock === undefined);

/** The version of a program's module: that of the first requirement in its go.mod, as in `v1.36.3`. */
export function versionOf({ module }: Program): string {
  const file = join("tools", module, "go.mod");
  const version = /^require \S+ (v\S+)/m.exec(readFileSync(file, "utf8"))?.[1];
  if (version === undefined) throw new Error(`${file} requires no module`);
  return version;
}
