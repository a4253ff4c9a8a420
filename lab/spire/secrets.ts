import { join } from "node:path";
import type { KubernetesObject } from "../../core/util/kubernetes";

/** What a container is given: its arguments, and of Secrets files and variables. */
export interface Given {
  readonly args: readonly string[];
  /** The directory here in the place of each one in the container. */
  readonly directories: ReadonlyMap<string, string>;
  readonly env: Readonly<Record<string, string>>;
}

interface Pod {
  readonly containers: readonly {
    readonly name: string;
    readonly args: readonly string[];
    readonly env?: readonly {
      readonly name: string;
      readonly valueFrom: { readonly secretKeyRef: { name: string; key: string } };
    }[];
    readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
  }[];
  readonly volumes: readonly {
    readonly name: string;
    readonly secret?: {
      readonly secretName: string;
      readonly items: readonly { readonly key: string; readonly path: string }[];
    };
  }[];
}

/**
 * Does as the kubelet does for a container: gets the Secrets that its variables and volumes name, which have to be there.
 *
 * @param workload whose pods have the container
 * @param read a value of a Secret of the workload's namespace
 * @param write puts a value into a file, and returns its path
 */
export function mountSecrets(
  workload: KubernetesObject,
  name: string,
  read: (secret: string, key: string) => string,
  write: (file: string, content: string) => string,
): Given {
  const { containers, volumes } = (workload["spec"] as { template: { spec: Pod } }).template.spec;
  const { args = [], env = [], volumeMounts = [] } = containers.find((container) => container.name === name) ?? {};
  const directories = new Map<string, string>();
  for (const { name, secret } of volumes) {
    const mount = volumeMounts.find((mount) => mount.name === name);
    for (const { key, path } of (mount && secret?.items) ?? []) {
      const file = write(join(name, path), read(secret?.secretName ?? "", key));
      directories.set(mount?.mountPath ?? "", file.slice(0, -path.length - 1));
    }
  }
  const variables = env.map(({ name, valueFrom: { secretKeyRef } }) => [
    name,
    read(secretKeyRef.name, secretKeyRef.key),
  ]);
  return { args, directories, env: Object.fromEntries(variables) as Record<string, string> };
}
