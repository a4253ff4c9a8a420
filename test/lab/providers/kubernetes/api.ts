import * as https from "node:https";
import { KubeConfig } from "@kubernetes/client-node";
import type { KubernetesObject } from "../../../../components/kubernetes";
import { isFields } from "../values";

/** An object as the API server has it. */
export interface LiveObject extends KubernetesObject {
  readonly metadata: KubernetesObject["metadata"] & {
    readonly uid: string;
    readonly resourceVersion: string;
    readonly generation?: number;
    readonly managedFields?: readonly ManagedFields[];
  };
}

export interface ManagedFields {
  readonly manager: string;
  readonly operation: "Apply" | "Update";
  readonly subresource?: string;
  readonly fieldsV1: object;
}

/** What the API server refused; the message is its own. */
export class ApiError extends Error {
  constructor(
    message: string,
    readonly status: number,
    readonly reason: string,
  ) {
    super(message);
  }
}

/** Says that no such kind is known, in kubectl's words. */
export class NoSuchKind extends Error {}

export interface Api {
  /** Whether a kind has namespaces. Undefined: it is not known to the API server. */
  namespaced(apiVersion: string, kind: string): Promise<boolean | undefined>;
  create(object: KubernetesObject, options: WriteOptions): Promise<LiveObject>;
  /** Server-side apply. */
  apply(object: KubernetesObject, options: WriteOptions & { force: boolean }): Promise<LiveObject>;
  /** Replaces all of it (PUT). */
  replace(object: KubernetesObject, options: WriteOptions): Promise<LiveObject>;
  /** Undefined: it is not there, or its kind is not. */
  read(object: KubernetesObject): Promise<LiveObject | undefined>;
  setManagedFields(object: KubernetesObject, managedFields: readonly ManagedFields[]): Promise<LiveObject>;
  delete(object: KubernetesObject, propagationPolicy: string): Promise<void>;
}

export interface WriteOptions {
  readonly fieldManager: string;
  readonly dryRun: boolean;
}

/** Connects to a context of the kubeconfig that KUBECONFIG names. Throws where the kubeconfig has no such context. */
export async function connect(context: string | undefined): Promise<Api> {
  const kubeconfig = new KubeConfig();
  kubeconfig.loadFromDefault();
  if (context !== undefined) {
    if (kubeconfig.getContextObject(context) === null)
      throw new Error(`context "${context}" does not exist in the kubeconfig`);
    kubeconfig.setCurrentContext(context);
  }
  const server = kubeconfig.getCurrentCluster()?.server;
  if (server === undefined) throw new Error("the kubeconfig has no current cluster");
  const options: https.RequestOptions = {};
  await kubeconfig.applyToHTTPSOptions(options);
  options.agent = new https.Agent({ ...(options as https.AgentOptions), keepAlive: true });
  const send: Send = (method, path, body, contentType) => request(server, options, method, path, body, contentType);
  return apiOver(send, discovery(send));
}

type Send = (method: string, path: string, body?: unknown, contentType?: string) => Promise<unknown>;

function apiOver(send: Send, resourceOf: ReturnType<typeof discovery>): Api {
  const pathOf = async ({ apiVersion, kind, metadata }: KubernetesObject, name?: string) => {
    const resource = await resourceOf(apiVersion, kind);
    if (resource === undefined) throw new NoSuchKind(`no matches for kind "${kind}" in version "${apiVersion}"`);
    const namespace = resource.namespaced ? `/namespaces/${metadata.namespace ?? "default"}` : "";
    return `${rootOf(apiVersion)}${namespace}/${resource.name}${name === undefined ? "" : `/${name}`}`;
  };
  const query = ({ fieldManager, dryRun }: WriteOptions, more = "") =>
    `?fieldManager=${encodeURIComponent(fieldManager)}${dryRun ? "&dryRun=All" : ""}${more}`;
  const at = async (object: KubernetesObject) => pathOf(object, object.metadata.name);
  return {
    namespaced: async (apiVersion, kind) => (await resourceOf(apiVersion, kind))?.namespaced,
    create: async (object, options) =>
      (await send("POST", (await pathOf(object)) + query(options), object)) as LiveObject,
    apply: async (object, options) =>
      (await send(
        "PATCH",
        (await at(object)) + query(options, `&force=${options.force}`),
        object,
        "application/apply-patch+yaml",
      )) as LiveObject,
    replace: async (object, options) => (await send("PUT", (await at(object)) + query(options), object)) as LiveObject,
    read: async (object) => {
      try {
        return (await send("GET", await at(object))) as LiveObject;
      } catch (error) {
        if (isNotFound(error)) return undefined;
        throw error;
      }
    },
    setManagedFields: async (object, value) =>
      (await send(
        "PATCH",
        await at(object),
        [{ op: "replace", path: "/metadata/managedFields", value }],
        "application/json-patch+json",
      )) as LiveObject,
    delete: async (object, propagationPolicy) => {
      await send("DELETE", await at(object), { apiVersion: "v1", kind: "DeleteOptions", propagationPolicy });
    },
  };
}

/** Whether an object, or its kind, is not there. */
export const isNotFound = (error: unknown): boolean =>
  error instanceof NoSuchKind || (error instanceof ApiError && error.status === 404);

const rootOf = (apiVersion: string) => (apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`);

/** Finds the resource of a kind, and asks again for one that was not there: its definition may have come since. */
function discovery(send: Send) {
  const known = new Map<string, { name: string; namespaced: boolean }>();
  return async (apiVersion: string, kind: string) => {
    const key = `${apiVersion}/${kind}`;
    if (!known.has(key)) {
      const list = (await send("GET", rootOf(apiVersion)).catch((error: unknown) => {
        if (isNotFound(error)) return { resources: [] };
        throw error;
      })) as { resources: { kind: string; name: string; namespaced: boolean }[] };
      for (const { kind, name, namespaced } of list.resources)
        if (!name.includes("/")) known.set(`${apiVersion}/${kind}`, { name, namespaced });
    }
    return known.get(key);
  };
}

function request(
  server: string,
  options: https.RequestOptions,
  method: string,
  path: string,
  body: unknown,
  contentType = "application/json",
): Promise<unknown> {
  return new Promise((resolve, reject) => {
    const url = new URL(server.replace(/\/$/, "") + path);
    const text = body === undefined ? "" : JSON.stringify(body);
    // With a length: Node sends the body of a DELETE without one otherwise.
    const length = Buffer.byteLength(text);
    const headers = {
      ...options.headers,
      accept: "application/json",
      "content-type": contentType,
      "content-length": length,
    };
    const call = https.request(url, { ...options, method, headers, timeout: 30_000 }, (response) => {
      const chunks: Buffer[] = [];
      response.on("data", (chunk: Buffer) => chunks.push(chunk));
      response.on("error", reject);
      response.on("end", () => {
        const answer = Buffer.concat(chunks).toString();
        const status = response.statusCode ?? 0;
        if (status < 300) return resolve(JSON.parse(answer));
        reject(apiError(answer, status));
      });
    });
    call.on("timeout", () => call.destroy(new Error(`no answer to ${method} ${path}`)));
    call.on("error", reject);
    call.end(text);
  });
}

function apiError(text: string, status: number): ApiError {
  try {
    const answer: unknown = JSON.parse(text);
    if (isFields(answer)) return new ApiError(answer["message"] as string, status, (answer["reason"] ?? "") as string);
  } catch {
    // Not JSON: the text is all there is.
  }
  return new ApiError(text.trim(), status, "");
}
