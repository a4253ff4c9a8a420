/** Callers that are no workloads, by Cilium's reserved identities. None of them can ever authenticate (cilium, pkg/auth/manager.go). */
export const entities = ["ingress", "kube-apiserver", "host", "world"] as const;
export type Entity = (typeof entities)[number];

/** The methods that Gateway API has. */
export const httpMethods = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"] as const;

export interface WorkloadCaller {
  /** Without it the stack's own. */
  trustDomain?: string | undefined;
  namespace: string;
  serviceAccount: string;
  withoutAuthentication?: string | undefined;
}
interface EntityCaller {
  entity: Entity;
  reason?: string | undefined;
}
interface NetworkCaller {
  cidr: string;
  reason?: string | undefined;
}

/** Who may call: the pods of a service account or, as `*`, of a whole namespace; or what is no workload. */
export type Caller = WorkloadCaller | EntityCaller | NetworkCaller;

/** A path of HTTP requests: that one, or it and all below it. */
export type HttpPath = { exact: string } | { prefix: string };

export const isWorkload = (caller: Readonly<Caller>): caller is Readonly<WorkloadCaller> => "serviceAccount" in caller;

export type CallerKind = "workload" | "namespace" | "entity" | "cidr";

export function kindOf(caller: Readonly<Caller>): CallerKind {
  if (isWorkload(caller)) return caller.serviceAccount === "*" ? "namespace" : "workload";
  return "entity" in caller ? "entity" : "cidr";
}

/** `web/frontend`, `web/*`, `infra.zt.internal/web/frontend`, `ingress`, `192.0.2.0/24`: the same for the same caller, and never the same for two. */
export function callerName(caller: Readonly<Caller>): string {
  if (isWorkload(caller)) {
    const { trustDomain, namespace, serviceAccount } = caller;
    return [...(trustDomain === undefined ? [] : [trustDomain]), namespace, serviceAccount].join("/");
  }
  return "entity" in caller ? caller.entity : caller.cidr;
}

/** The name of the whole namespace that a workload is in. */
export const namespaceName = (caller: Readonly<WorkloadCaller>): string =>
  callerName({ ...caller, serviceAccount: "*" });

/** Whether a caller has an identity of another trust domain than the stack's. */
export const isForeign = (caller: Readonly<Caller>): boolean => isWorkload(caller) && caller.trustDomain !== undefined;

/** Pod labels, all of which a pod must have. */
export type Selector = Readonly<Record<string, string>>;

/** A selector's labels in one order, whatever the order in which they were written. */
export const sortedLabels = (selector: Selector) => Object.entries(selector).sort(([a], [b]) => (a < b ? -1 : 1));
