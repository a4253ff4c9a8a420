import { setTimeout } from "node:timers/promises";
import { describeObject, type KubernetesObject } from "../../../../components/kubernetes";
import { at } from "../values";
import type { Api, LiveObject } from "./api";
import { annotation, unready, type Around } from "./ready";

/** How long one look at the cluster is from the next. */
const interval = 200;

/** Seconds to wait: by `customTimeouts`, else `pulumi.com/timeoutSeconds`, else ten minutes, for a claim five. */
export function patience(object: KubernetesObject, timeout: number): number {
  if (timeout > 0) return timeout;
  const seconds = Number(annotation(object, "timeoutSeconds"));
  if (Number.isInteger(seconds)) return seconds;
  return object.kind === "PersistentVolumeClaim" ? 300 : 600;
}

/** An object that did not become ready, as it was last seen. */
export class TimedOut extends Error {
  constructor(
    message: string,
    readonly live: LiveObject,
  ) {
    super(message);
  }
}

/**
 * Waits until an object is ready.
 *
 * @returns it, as it is then
 * @throws TimedOut where it is not in time, or can never be
 */
export async function whenReady(api: Api, applied: LiveObject, seconds: number): Promise<LiveObject> {
  const end = Date.now() + seconds * 1000;
  for (let live = applied; ;) {
    const state = unready(live, await aroundOf(api, live));
    if (state === undefined) return (await api.read(live)) ?? live;
    if (state.failed || Date.now() >= end)
      throw new TimedOut(`${describeObject(live)} is not ready after ${seconds} s: ${state.because}`, live);
    await setTimeout(interval);
    const found = await api.read(live);
    if (found === undefined) throw new TimedOut(`${describeObject(live)} is gone`, live);
    live = found;
  }
}

/** Whether it is ready now; throws TimedOut where not. A refresh only looks. */
export async function assertReady(api: Api, live: LiveObject): Promise<void> {
  const state = unready(live, await aroundOf(api, live));
  if (state) throw new TimedOut(`${describeObject(live)} is not ready: ${state.because}`, live);
}

/** Waits until an object is gone. */
export async function whenGone(api: Api, object: KubernetesObject, seconds: number): Promise<void> {
  const end = Date.now() + seconds * 1000;
  const uid = at((await api.read(object)) ?? {}, "metadata", "uid");
  for (;;) {
    const live = await api.read(object);
    // Somebody may have made it anew.
    if (live === undefined || live.metadata.uid !== uid) return;
    if (Date.now() >= end) {
      const finalizers = at(live, "metadata", "finalizers");
      const because = Array.isArray(finalizers) ? `; finalizers might prevent it: ${finalizers.join(", ")}` : "";
      throw new Error(`${describeObject(object)} is not gone after ${seconds} s${because}`);
    }
    await setTimeout(interval);
  }
}

async function aroundOf(api: Api, live: LiveObject): Promise<Around> {
  const { name, namespace = "default" } = live.metadata;
  if (live.kind === "Service" && live.apiVersion === "v1")
    return { endpoints: await api.read({ apiVersion: "v1", kind: "Endpoints", metadata: { name, namespace } }) };
  const className = at(live, "spec", "storageClassName");
  if (live.kind === "PersistentVolumeClaim" && typeof className === "string" && className !== "")
    return {
      storageClass: await api.read({
        apiVersion: "storage.k8s.io/v1",
        kind: "StorageClass",
        metadata: { name: className },
      }),
    };
  return {};
}
