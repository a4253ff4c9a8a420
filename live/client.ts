import { setMaxListeners } from "node:events";
import type { KubeConfig, ObservableMiddleware } from "@kubernetes/client-node";

export type { KubeConfig };

/**
 * The user's kubeconfig, at a context. The client is imported here, since loading it takes longer than all else before the first resource.
 *
 * @returns undefined where it has no such context
 */
export async function kubeconfigAt(context: string): Promise<KubeConfig | undefined> {
  const { KubeConfig } = await import("@kubernetes/client-node");
  const kubeconfig = new KubeConfig();
  kubeconfig.loadFromDefault();
  if (!kubeconfig.getContextObject(context)) return undefined;
  kubeconfig.setCurrentContext(context);
  return kubeconfig;
}

/** Options for requests of the client's, any number at a time, that end with a signal. One that nobody answers and nobody ends keeps this program from ending. */
export async function endedBy(signal: AbortSignal) {
  // Each request listens while it waits for its answer: a request a namespace is no leak, of which Node would warn from the eleventh on.
  setMaxListeners(0, signal);
  const { Observable } = await import("@kubernetes/client-node");
  const abort: ObservableMiddleware = {
    pre: (request) => {
      request.setSignal(signal);
      return new Observable(Promise.resolve(request));
    },
    post: (response) => new Observable(Promise.resolve(response)),
  };
  return { middleware: [abort], middlewareMergeStrategy: "append" as const };
}

/** Undefined for an object that is not there; any other failure stays one. */
export async function absent<T>(read: Promise<T>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    if ((error as { code?: unknown }).code === 404) return undefined;
    throw error;
  }
}

/** What a list of the client's has; nothing where the cluster has no such kind. */
export const itemsOf = async <T>(list: Promise<unknown>): Promise<readonly T[]> =>
  ((await absent(list)) as { readonly items: readonly T[] } | undefined)?.items ?? [];

/** What the client throws, an answer of the API server or an event of a socket, in one line without headers, which its own message would show. */
export function reasonOf(error: unknown): string {
  const { code, message, name } = error as { code?: unknown; message?: unknown; name?: unknown };
  if (name === "AbortError" || name === "TimeoutError") return "no answer in time";
  if (typeof code === "number") return `the API server answered ${code}`;
  return (typeof message === "string" && message.split("\n")[0]) || "unknown error";
}
