/** Whom a server calls beside the API server: an address of the configuration's, or a cloud's services, wherever those are. */
export type Call = { readonly host: string; readonly port: number } | "cloud";

/** @param url `https://…`, whose port is 443 unless it says otherwise */
export function callTo(url: string): Call {
  const { hostname, port } = new URL(url);
  return { host: hostname, port: port === "" ? 443 : Number(port) };
}

/** What the server's pod and its account have for the sake of what the server is connected to: a database, an authority above, a key service. */
export interface ServerParts {
  readonly args: readonly string[];
  readonly env: readonly object[];
  readonly volumes: readonly object[];
  readonly volumeMounts: readonly object[];
  /** Labels of the pod, and annotations of its service account, by which a cloud gives it an identity there. */
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly calls: readonly Call[];
}

/** All of some parts. */
export function joined(parts: readonly Partial<ServerParts>[]): ServerParts {
  const list = (key: "env" | "volumes" | "volumeMounts") => parts.flatMap((part) => part[key] ?? []);
  const record = (key: "labels" | "annotations") => Object.assign({}, ...parts.map((part) => part[key])) as object;
  return {
    args: parts.flatMap(({ args = [] }) => args),
    calls: parts.flatMap(({ calls = [] }) => calls),
    ...{ env: list("env"), volumes: list("volumes"), volumeMounts: list("volumeMounts") },
    ...({ labels: record("labels"), annotations: record("annotations") } as Pick<
      ServerParts,
      "labels" | "annotations"
    >),
  };
}

/**
 * Files of a Secret in SPIRE's namespace. Read by the pod's group alone: what reads a key may refuse one that others may read too.
 *
 * @param name of the volume
 * @param directory in which the container finds them
 */
export function secretFiles(
  name: string,
  secretName: string,
  directory: string,
  keys: readonly string[],
): Pick<ServerParts, "volumes" | "volumeMounts"> {
  const items = keys.map((key) => ({ key, path: key }));
  return {
    volumes: [{ name, secret: { secretName, defaultMode: 0o440, items } }],
    volumeMounts: [{ name, mountPath: directory, readOnly: true }],
  };
}

/** The IAM role that EKS gives a service account, where one is named. */
export const awsRole = (arn: string | undefined): Partial<ServerParts> =>
  arn === undefined ? {} : { annotations: { "eks.amazonaws.com/role-arn": arn } };
