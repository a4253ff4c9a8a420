import { existsSync } from "node:fs";
import { join } from "node:path";

export type Program =
  | "etcd"
  | "kube-apiserver"
  | "kubectl"
  | "spire-server"
  | "spire-agent"
  | "spire-controller-manager"
  | "cilium-operator";

/**
 * The path of a program, in the directory that LAB_PROGRAMS names.
 *
 * @throws where it is not there
 */
export function programPath(name: Program): string {
  const directory = process.env["LAB_PROGRAMS"];
  const path = join(directory ?? "", name);
  if (directory === undefined || !existsSync(path))
    throw new Error(`${name} is not there: set LAB_PROGRAMS to the directory of the built programs`);
  return path;
}
