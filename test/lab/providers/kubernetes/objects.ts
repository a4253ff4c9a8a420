import { setTimeout } from "node:timers/promises";
import type { KubernetesObject } from "../../../../components/kubernetes";
import type { Mode } from "../plugin";
import { NotReady, type Saved } from "../saved";
import { hasUnknown, type Fields } from "../values";
import { ApiError, isNotFound, NoSuchKind, type Api, type LiveObject } from "./api";
import { takeOver } from "./fieldManagers";
import { normalised, recorded } from "./shape";
import { annotation } from "./ready";
import { assertReady, patience, TimedOut, whenGone, whenReady } from "./wait";

/** Retries of a create whose namespace or kind is not there yet (pulumi-kubernetes: Creation in provider/pkg/await/await.go). */
const retries = 5;

/** `orders/checkout`, or the name alone. */
export const idOf = ({ metadata: { namespace, name } }: KubernetesObject): string =>
  namespace === undefined ? name : `${namespace}/${name}`;

/**
 * Creates an object by POST, and what is there already is an error, ours or not; or, where it may be there already, by server-side apply, and a field of another
 * manager is a conflict (pulumi-kubernetes#4278, `upsertExistingObjects`). In a preview nothing is made; what the API server would refuse, it refuses, but an
 * object that is there already, whose kind or namespace is not there yet, passes.
 */
export async function createObject(
  api: Api,
  inputs: Fields,
  fieldManager: string,
  mode: Mode,
  upsert: boolean,
): Promise<Saved> {
  const object = inputs as unknown as KubernetesObject;
  const create = (dryRun: boolean) =>
    upsert
      ? api.apply(object, { fieldManager, dryRun, force: dryRun || annotation(object, "patchForce") === "true" })
      : api.create(object, { fieldManager, dryRun });
  if (mode.preview) return { id: "", state: await previewCreate(object, create) };
  const live = await persistently(() => create(false)).catch((error: unknown) => {
    throw new Error(explained(error, fieldManager), { cause: error });
  });
  return settled(api, live, fieldManager, patience(object, mode.timeout), "created");
}

async function previewCreate(object: KubernetesObject, create: (dryRun: true) => Promise<LiveObject>): Promise<Fields> {
  const asGiven = object as unknown as Fields;
  if (hasUnknown(object)) return asGiven;
  try {
    const { status: _, ...live } = await create(true);
    return live;
  } catch (error) {
    const passes =
      isNotFound(error) || (error instanceof ApiError && ["AlreadyExists", "Forbidden"].includes(error.reason));
    if (passes) return asGiven;
    throw error;
  }
}

async function persistently<T>(create: () => Promise<T>): Promise<T> {
  for (let attempt = 0; ; attempt++)
    try {
      return await create();
    } catch (error) {
      if (!isNotFound(error) || attempt === retries) throw error;
      await setTimeout(200 * 2 ** attempt);
    }
}

/**
 * Updates an object by server-side apply without force: a field of another manager is a conflict. A definition of a custom resource is replaced in place.
 * When it fails although the object is there, what was asked for is recorded with the object as it is, so that the next update tries again.
 */
export async function updateObject(api: Api, inputs: Fields, fieldManager: string, mode: Mode): Promise<Saved> {
  const object = inputs as unknown as KubernetesObject;
  if (mode.preview && hasUnknown(inputs)) return { id: "", state: inputs };
  let live: LiveObject | undefined;
  try {
    live = await api.read(object);
    if (live === undefined) throw new ApiError(`${object.kind} "${object.metadata.name}" not found`, 404, "NotFound");
    const applied = await write(api, object, live, fieldManager, mode.preview);
    if (mode.preview) return { id: idOf(live), state: applied as unknown as Fields };
    return await settled(api, applied, fieldManager, patience(object, mode.timeout), "updated");
  } catch (error) {
    if (error instanceof NotReady || live === undefined || mode.preview) throw error;
    throw new NotReady(explained(error, fieldManager), { id: idOf(live), state: stateOf(live, fieldManager) });
  }
}

async function write(api: Api, object: KubernetesObject, live: LiveObject, fieldManager: string, dryRun: boolean) {
  if (object.kind === "CustomResourceDefinition") {
    const { resourceVersion } = live.metadata;
    const replacement = { ...object, metadata: { ...object.metadata, resourceVersion } };
    return api.replace(replacement, { fieldManager, dryRun });
  }
  const entries = takeOver(live.metadata.managedFields ?? [], fieldManager);
  if (entries && !dryRun) await api.setManagedFields(object, entries);
  const force = annotation(object, "patchForce") === "true" || (dryRun && entries !== undefined);
  return api.apply(normalised(object) as unknown as KubernetesObject, {
    fieldManager,
    dryRun,
    force,
  });
}

function explained(error: unknown, fieldManager: string): string {
  const message = error instanceof Error ? error.message : String(error);
  if (!(error instanceof ApiError) || error.reason !== "Conflict") return message;
  return `Server-side apply: the field manager "${fieldManager}" has a conflict: ${message}`;
}

async function settled(
  api: Api,
  live: LiveObject,
  fieldManager: string,
  seconds: number,
  done: string,
): Promise<Saved> {
  try {
    const ready = await whenReady(api, live, seconds);
    return { id: idOf(ready), state: stateOf(ready, fieldManager) };
  } catch (error) {
    if (!(error instanceof TimedOut)) throw error;
    const saved = { id: idOf(error.live), state: stateOf(error.live, fieldManager) };
    throw new NotReady(`the object was ${done}, but did not become ready: ${error.message}`, saved);
  }
}

const stateOf = (live: LiveObject, __fieldManager: string): Fields => ({ ...live, __fieldManager });

/** What is there now, and as inputs: in the shape of the last ones. Undefined: it is gone, or its kind is. */
export async function readObject(api: Api, inputs: Fields, fieldManager: string) {
  const live = await api.read(inputs as unknown as KubernetesObject);
  if (live === undefined) return undefined;
  const state = stateOf(live, fieldManager);
  const found = { id: idOf(live), state, inputs: recorded(state, normalised(inputs)) };
  try {
    await assertReady(api, live);
  } catch (error) {
    if (error instanceof TimedOut) throw new NotReady(error.message, found, found.inputs);
    throw error;
  }
  return found;
}

/** Deletes an object, its dependents first unless `pulumi.com/deletionPropagationPolicy` says otherwise, and waits until it is gone. */
export async function deleteObject(api: Api, state: Fields, timeout: number): Promise<void> {
  const object = state as unknown as KubernetesObject;
  const policies: Readonly<Record<string, string>> = { orphan: "Orphan", background: "Background" };
  const policy = policies[annotation(state, "deletionPropagationPolicy")?.toLowerCase() ?? ""] ?? "Foreground";
  try {
    await api.delete(object, policy);
  } catch (error) {
    if (isNotFound(error) || error instanceof NoSuchKind) return;
    throw error;
  }
  if (annotation(state, "skipAwait") !== "true") await whenGone(api, object, patience(object, timeout));
}

/** Gives up the fields of a patch: those that nobody else manages go, and the object stays (pulumi-kubernetes: Relinquish in provider/pkg/await). */
export async function giveUp(api: Api, state: Fields): Promise<void> {
  const { apiVersion, kind, metadata } = state as unknown as KubernetesObject;
  const { name, namespace } = metadata;
  const nothing = { apiVersion, kind, metadata: { name, ...(namespace === undefined ? {} : { namespace }) } };
  if (await api.read(nothing))
    await api.apply(nothing, { fieldManager: String(state["__fieldManager"]), dryRun: false, force: false });
}
