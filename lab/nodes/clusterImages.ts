import { join } from "node:path";
import { buildTool, buildTools } from "../../tools/go";
import { programs, versionOf, type ProgramName } from "../../tools/programs";
import { ciliumModule } from "../modules";
import { buildImage, type Image } from "./images";
import { pause } from "./node";
import { checkPackages, extensionsOfIptables, programOf } from "./packages";

const reference = (name: string, program: ProgramName) =>
  `lab.invalid/${name}:${versionOf(programs[program]).slice(1)}`;

/** The images that the lab's nodes have. They are in no registry: whoever pulls one fails. */
export const references = {
  workload: "lab.invalid/workload:1",
  cilium: reference("cilium", "cilium-agent"),
  coredns: reference("coredns", "coredns"),
  spireServer: reference("spire-server", "spire-server"),
  spireAgent: reference("spire-agent", "spire-agent"),
  controllerManager: reference("spire-controller-manager", "spire-controller-manager"),
  csiDriver: reference("spiffe-csi-driver", "spiffe-csi-driver"),
  csiRegistrar: "lab.invalid/csi-node-driver-registrar:1",
} as const;

/**
 * Builds the programs of a whole cluster, and images of them.
 *
 * @returns the paths of the archives
 * @throws LabError where a Debian package is missing, ToolError where a program cannot be built
 */
export function clusterImages(): string[] {
  checkPackages();
  const tools = buildTools([
    ...ciliumPrograms,
    ...(["coredns", "spire-server", "spire-agent", "spire-controller-manager"] as const),
  ]);
  const images: Image[] = [
    pause(),
    {
      reference: references.workload,
      files: {
        "/usr/bin/node": process.execPath,
        "/workload.js": "lab/nodes/workload.js",
        // For the commands of docs/recovery.md.
        ...Object.fromEntries(
          ["sh", "ls", "grep", "rm", "tar", "sleep"].map((name) => [`/bin/${name}`, `/bin/${name}`]),
        ),
      },
      entrypoint: ["node", "/workload.js"],
    },
    { reference: references.coredns, files: { "/coredns": tools.coredns }, entrypoint: ["/coredns"] },
    spireImage(references.spireServer, "spire-server", tools["spire-server"]),
    spireImage(references.spireAgent, "spire-agent", tools["spire-agent"]),
    {
      reference: references.controllerManager,
      files: { "/spire-controller-manager": tools["spire-controller-manager"] },
      entrypoint: ["/spire-controller-manager"],
    },
    ciliumImage(tools),
  ];
  return images.map(buildImage);
}

/** Images of the CSI driver, and of what stands in for the registrar beside it: for the cluster that tries them, since each image takes its time. */
export function csiImages(): string[] {
  const images: Image[] = [
    {
      reference: references.csiDriver,
      files: { "/spiffe-csi-driver": buildTool("spiffe-csi-driver") },
      entrypoint: ["/spiffe-csi-driver"],
    },
    {
      reference: references.csiRegistrar,
      files: { "/usr/bin/node": process.execPath, "/registrar.js": "lab/nodes/registrar.js" },
      entrypoint: ["node", "/registrar.js"],
    },
  ];
  return images.map(buildImage);
}

/** As SPIRE's own images have them. */
const spireImage = (reference: string, name: "spire-server" | "spire-agent", program: string): Image => ({
  reference,
  files: { [`/opt/spire/bin/${name}`]: program },
  entrypoint: [`/opt/spire/bin/${name}`, "run"],
});

/** Those of SPIRE and Cilium's agent, called the same, with clocks that can be set: see `clock` in tools/programs.ts. */
export function clockImages(): string[] {
  const tools = buildTools(["spire-server-clock", "spire-agent-clock", "cilium-agent-clock"]);
  const images: Image[] = [
    spireImage(references.spireServer, "spire-server", tools["spire-server-clock"]),
    spireImage(references.spireAgent, "spire-agent", tools["spire-agent-clock"]),
    ciliumImage({ ...buildTools(ciliumPrograms), "cilium-agent": tools["cilium-agent-clock"] }),
  ];
  return images.map(buildImage);
}

const ciliumPrograms = [
  "cilium-agent",
  "cilium-operator",
  "cilium-cni",
  "cilium-dbg",
  "hubble",
  "hubble-relay",
] as const;

/** As Cilium's own image has it: the programs, the source of its datapath, a compiler for that, iptables, and a shell for the scripts of its chart. */
function ciliumImage(tools: Record<(typeof ciliumPrograms)[number], string>): Image {
  const shell = "sh bash cp mv rm ls cat mkdir basename dirname grep sleep uname mount".split(" ");
  const module = ciliumModule();
  const extensions = extensionsOfIptables();
  const iptables = ["iptables", "ip6tables"].flatMap((name) => [name, `${name}-save`, `${name}-restore`]);
  return {
    reference: references.cilium,
    files: {
      ...Object.fromEntries([...shell, "ip", "ipset"].map((name) => [`/usr/bin/${name}`, programOf(name)])),
      "/usr/bin/clang": programOf("clang-19"),
      "/usr/sbin/xtables-nft-multi": programOf("xtables-nft-multi"),
      [extensions]: extensions,
      "/usr/bin/cilium-agent": tools["cilium-agent"],
      "/usr/bin/cilium-operator-generic": tools["cilium-operator"],
      "/usr/bin/cilium-dbg": tools["cilium-dbg"],
      "/usr/bin/hubble": tools.hubble,
      "/usr/bin/hubble-relay": tools["hubble-relay"],
      "/opt/cni/bin/cilium-cni": tools["cilium-cni"],
      "/cni/loopback": "/usr/lib/cni/loopback",
      "/var/lib/cilium/bpf": join(module, "bpf"),
      "/init-container.sh": join(module, "images/cilium/init-container.sh"),
      "/install-plugin.sh": join(module, "plugins/cilium-cni/install-plugin.sh"),
      "/cni-uninstall.sh": join(module, "plugins/cilium-cni/cni-uninstall.sh"),
    },
    links: {
      "/bin": "usr/bin",
      ...Object.fromEntries(iptables.map((name) => [`/usr/sbin/${name}`, "xtables-nft-multi"])),
    },
    environment: { HUBBLE_SERVER: "unix:///var/run/cilium/hubble.sock" },
  };
}
