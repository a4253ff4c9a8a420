import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { onPath } from "../onPath";
import { LabError } from "../processes";

/** What real nodes need of this machine, and the Debian packages that have it. */
const packages = {
  containerd: "containerd",
  ctr: "containerd",
  runc: "runc",
  "clang-19": "clang-19",
  "xtables-nft-multi": "iptables",
  ipset: "ipset",
  bash: "bash",
  "/usr/lib/cni/loopback": "containernetworking-plugins",
} as const;

/**
 * Checks that this machine has what real nodes are made of.
 *
 * @param isThere whether a program, or a file with an absolute path, is
 * @throws LabError with the one command that installs all that is missing
 */
export function checkPackages(isThere: (program: string) => boolean = isInstalled): void {
  const missing = Object.entries(packages).filter(([program]) => !isThere(program));
  if (missing.length === 0) return;
  const names = [...new Set(missing.map(([, name]) => name))].join(" ");
  throw new LabError(
    `${missing.map(([program]) => program).join(", ")} not found, which the lab's nodes are made of: apt-get install --no-install-recommends ${names}`,
  );
}

/** Where root has programs, whoever's PATH it is. */
const places = ["/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin"];

const isInstalled = (program: string) => (program.startsWith("/") ? existsSync(program) : find(program) !== undefined);

const find = (program: string) =>
  onPath(program) ?? places.map((place) => join(place, program)).find((path) => existsSync(path));

/** The path of a program of this machine. */
export function programOf(name: string): string {
  const path = find(name);
  if (path === undefined) throw new LabError(`${name} is not installed`);
  return path;
}

/** The folder of iptables' extensions. */
export function extensionsOfIptables(): string {
  const found = readdirSync("/usr/lib")
    .map((name) => join("/usr/lib", name, "xtables"))
    .find((path) => existsSync(path));
  if (found === undefined) throw new LabError("iptables has no extensions in /usr/lib/*/xtables");
  return found;
}
