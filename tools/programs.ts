import { readFileSync } from "node:fs";
import { join } from "node:path";
import { dependencies } from "../package.json";
import { providerSchema } from "./providerSchema";

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
   * Files that the program embeds and that its build generates, from the directory of the module that go.mod requires first: content by name.
   *
   * @default none
   */
  readonly generates?: (directory: string) => Readonly<Record<string, string>>;
  /**
   * The file that says by how many seconds its clock is ahead (tools/clock.ts).
   *
   * @default none: it has the machine's
   */
  readonly clock?: string;
  /**
   * Whether a single test of the full set runs it, which builds it then.
   *
   * @default false
   */
  readonly rare?: boolean;
}

/** That of `@pulumi/kubernetes`. */
const sdkVersion = dependencies["@pulumi/kubernetes"];

const pulumi = (module: string, minutes: number): Program => ({
  module,
  package: "github.com/pulumi/pulumi/pkg/v3/cmd/pulumi",
  ldflags: (version) => `-X github.com/pulumi/pulumi/sdk/v3/go/common/version.Version=${version}`,
  minutes,
});

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
  pulumi: pulumi("pulumi", 6),
  // The first version that requiredPulumiVersion in Pulumi.yaml admits, for one test.
  "pulumi-oldest": { ...pulumi("pulumi-oldest", 6), rare: true },
  // Called by the version of the SDK: the engine asks for the provider of just that version, and the module has a commit in the place of one.
  "pulumi-resource-kubernetes": {
    module: "pulumi-kubernetes",
    package: "zero-trust/tools/pulumi-kubernetes",
    ldflags: () => `-X github.com/pulumi/pulumi-kubernetes/provider/v4/pkg/version.Version=${sdkVersion}`,
    generates: (directory) => providerSchema(directory, sdkVersion),
    minutes: 8,
    own: true,
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
  "spire-server-clock": { ...spire("cmd/spire-server", 8), clock: "/run/spire/data/clock", rare: true },
  "spire-agent-clock": { ...spire("cmd/spire-agent", 2), clock: "/run/spire/sockets/clock", rare: true },
  "cilium-agent-clock": { ...cilium("daemon", 8), clock: "/var/run/cilium/clock", rare: true },
  "cilium-policy": { module: "cilium", package: "zero-trust/tools/cilium", minutes: 1, own: true },
  coredns: { module: "coredns", package: "github.com/coredns/coredns", minutes: 3 },
} satisfies Record<string, Program>;

export type ProgramName = keyof typeof table;

/** Every program that the lab runs, and those that judge what is rendered. */
export const programs: Readonly<Record<ProgramName, Program>> = table;

export const programNames = Object.keys(table) as ProgramName[];

/** Those that more than one test runs. */
export const standardNames = programNames.filter((name) => programs[name].rare !== true);

/** The first requirement of a program's go.mod: the module that the program is of, as in `k8s.io/kubernetes` and `v1.36.3`. */
export function requirementOf({ module }: Program): { readonly path: string; readonly version: string } {
  const file = join("tools", module, "go.mod");
  const [, path, version] = /^require (\S+) (v\S+)/m.exec(readFileSync(file, "utf8")) ?? [];
  if (path === undefined || version === undefined) throw new Error(`${file} requires no module`);
  return { path, version };
}

/** The version of a program's module. */
export const versionOf = (program: Program): string => requirementOf(program).version;
