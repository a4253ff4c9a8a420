import { at, isFields, type Fields } from "../values";
import type { LiveObject } from "./api";

/** What a kind's readiness depends on beside the object itself. */
export interface Around {
  /** Of a Service's name. */
  readonly endpoints?: Fields | undefined;
  /** Of a PersistentVolumeClaim. */
  readonly storageClass?: Fields | undefined;
}

/** `failed`: it will not become ready any more. */
export interface Unready {
  readonly because: string;
  readonly failed?: boolean;
}

/**
 * What keeps an object from being ready; undefined once it is. The conditions are the official provider's, as the documentation of its types has them
 * (`@pulumi/kubernetes`: apps/v1/deployment.d.ts, statefulSet.d.ts, core/v1/service.d.ts, batch/v1/job.d.ts), and for a DaemonSet those of kstatus, which it
 * asks. A kind that is not named here is ready at once, unless `pulumi.com/waitFor` says what to wait for.
 */
export function unready(live: LiveObject, around: Around): Unready | undefined {
  if (annotation(live, "skipAwait") === "true" || annotation(live, "skipAwait") === "ready") return undefined;
  const waitFor = annotation(live, "waitFor");
  if (waitFor !== undefined) return waitsFor(live, waitFor);
  const judge = kinds[`${live.apiVersion}/${live.kind}`];
  const because = judge?.(live, around);
  return typeof because === "string" ? { because } : because;
}

/** `pulumi.com/<name>` of an object. */
export function annotation(object: Fields, name: string): string | undefined {
  const value = at(object, "metadata", "annotations", `pulumi.com/${name}`);
  return typeof value === "string" ? value : undefined;
}

type Judge = (live: LiveObject, around: Around) => string | Unready | undefined;

const kinds: Readonly<Record<string, Judge>> = {
  "apps/v1/Deployment": (live) => {
    const generation = live.metadata.generation ?? 0;
    if (observed(live) < generation) return "the controller has not seen the Deployment yet";
    if (conditionOf(live, "Available")?.["status"] !== "True") return "the Deployment is not available";
    const progressing = conditionOf(live, "Progressing");
    if (generation > 1 && (progressing?.["status"] !== "True" || progressing["reason"] !== "NewReplicaSetAvailable"))
      return "the Deployment's new pods are not all available";
    return undefined;
  },
  "apps/v1/StatefulSet": (live) => {
    if (observed(live) < (live.metadata.generation ?? 0)) return "the controller has not seen the StatefulSet yet";
    const wanted = Number(at(live, "spec", "replicas") ?? 1);
    const onDelete = at(live, "spec", "updateStrategy", "type") === "OnDelete" && (live.metadata.generation ?? 0) > 1;
    const counts = ["replicas", "readyReplicas", ...(onDelete ? [] : ["currentReplicas"])];
    const short = counts.find((count) => Number(at(live, "status", count) ?? 0) !== wanted);
    if (short) return `status.${short} is ${Number(at(live, "status", short) ?? 0)} of ${wanted}`;
    const [current, update] = ["currentRevision", "updateRevision"].map((revision) => at(live, "status", revision));
    return onDelete || current === update ? undefined : "the StatefulSet has not rolled to its new revision";
  },
  "apps/v1/DaemonSet": (live) => {
    if (observed(live) !== live.metadata.generation) return "the controller has not seen the DaemonSet yet";
    const wanted = Number(at(live, "status", "desiredNumberScheduled"));
    const counts = ["currentNumberScheduled", "updatedNumberScheduled", "numberAvailable", "numberReady"];
    const short = counts.find((count) => Number(at(live, "status", count) ?? 0) < wanted);
    return short && `status.${short} is ${Number(at(live, "status", short) ?? 0)} of ${wanted}`;
  },
  "batch/v1/Job": (live) => {
    if (conditionOf(live, "Failed")?.["status"] === "True") return { because: "the Job failed", failed: true };
    return conditionOf(live, "Complete")?.["status"] === "True" ? undefined : "the Job is not complete";
  },
  "v1/PersistentVolumeClaim": (live, { storageClass }) => {
    const wanted = storageClass?.["volumeBindingMode"] === "WaitForFirstConsumer" ? ["Pending", "Bound"] : ["Bound"];
    const phase = (at(live, "status", "phase") as string | undefined) ?? "unknown";
    return wanted.includes(phase) ? undefined : `the claim is ${phase}, not Bound`;
  },
  "v1/Service": (live, { endpoints }) => {
    const type = at(live, "spec", "type");
    const ingress = at(live, "status", "loadBalancer", "ingress");
    if (type === "LoadBalancer" && !(Array.isArray(ingress) && ingress.length > 0))
      return "the Service was not allocated an address";
    const selects = isFields(at(live, "spec", "selector")) && at(live, "spec", "clusterIP") !== "None";
    if (type === "ExternalName" || !selects) return undefined;
    const subsets = endpoints?.["subsets"];
    return Array.isArray(subsets) && subsets.length > 0 ? undefined : "the Service does not target any pods";
  },
};

const observed = (live: Fields) => Number(at(live, "status", "observedGeneration") ?? -1);

function conditionOf(live: Fields, type: string): Fields | undefined {
  const conditions = at(live, "status", "conditions");
  return Array.isArray(conditions)
    ? (conditions as unknown[]).filter(isFields).find((condition) => condition["type"] === type)
    : undefined;
}

/** `condition=Type`, `condition=Type=Status`, `jsonpath={.path}=value`, or a JSON list of these (annotation `pulumi.com/waitFor`). */
function waitsFor(live: LiveObject, text: string): Unready | undefined {
  const terms = text.startsWith("[") ? (JSON.parse(text) as string[]) : [text];
  const missing = terms.find((term) => !holds(live, term));
  return missing === undefined ? undefined : { because: `${missing} does not hold` };
}

function holds(live: LiveObject, term: string): boolean {
  const [, type = "", status = "True"] = /^condition=([^=]+)(?:=(.+))?$/.exec(term) ?? [];
  if (type !== "") return String(conditionOf(live, type)?.["status"]).toLowerCase() === status.toLowerCase();
  const [, path, value] = /^jsonpath=\{?\.([\w.]+)\}?(?:=(.+))?$/.exec(term) ?? [];
  if (path === undefined) throw new Error(`pulumi.com/waitFor: ${term} is neither condition=… nor a plain jsonpath=…`);
  const found = at(live, ...path.split("."));
  return value === undefined ? found !== undefined : JSON.stringify(found) === value || found === value;
}
