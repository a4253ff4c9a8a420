/** A Kubernetes object as it is applied: plain data, without status. */
export interface KubernetesObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly annotations?: Readonly<Record<string, string>>;
  };
  readonly [field: string]: unknown;
}

/** One object of a component, and what must be there before it. */
export interface PlannedObject {
  /** Pulumi's name of the resource: `<component>-<thing>`, unique in the stack. */
  readonly name: string;
  readonly manifest: KubernetesObject;
  /** Names of objects of the same component that come first. */
  readonly after: readonly string[];
  /** Neither a removal from the program nor a replacement may delete it: `protect` and `retainOnDelete`; or it may leave the program, and stays: the second alone. */
  readonly keep: boolean | "retained";
  /** Of a Secret, the key under which it gets a password that is generated when it is registered: the engine alone has it, as a secret. */
  readonly password?: string;
  /** Whether somebody else has the object, and the manifest is what is added to it: never made, and as an object of its own field manager. */
  readonly patch?: true;
}

/** A Helm release of a component, never deleted or replaced by this program. */
export interface PlannedRelease {
  /** Pulumi's name of the resource. */
  readonly name: string;
  /** Names of objects of the same component that come first. */
  readonly after?: readonly string[];
  /** As an object's. */
  readonly keep: true | "retained";
  /** The arguments of `kubernetes:helm.sh/v3:Release`. */
  readonly args: {
    readonly name: string;
    readonly namespace: string;
    readonly version: string;
    readonly chart: string;
    readonly repositoryOpts?: { readonly repo: string };
    readonly values: object;
    /** Else the provider drops each empty list, so that the chart's own comes back, and takes nulls out of lists (mergeMaps in pulumi-kubernetes, provider/pkg/provider/helm_release.go). */
    readonly allowNullValues: true;
    /** Revisions that helm keeps. */
    readonly maxHistory: number;
    /** Whether helm is done when the API server has everything, ready or not. */
    readonly skipAwait: boolean;
  };
}

/** The objects of all components, in their order. */
export function manifestsOf(components: readonly { readonly objects: readonly PlannedObject[] }[]): KubernetesObject[] {
  return components.flatMap(({ objects }) => objects.map(({ manifest }) => manifest));
}

/** `ConfigMap spire/spire-server`, `ClusterRole spire-server`: how messages name an object. */
export function describeObject({ kind, metadata: { namespace, name } }: KubernetesObject): string {
  return `${kind} ${namespace ? `${namespace}/` : ""}${name}`;
}

/** Labels and annotations. */
type Marks = Required<Pick<KubernetesObject["metadata"], "labels" | "annotations">>;

/** The name under which this program writes fields of objects. */
export const fieldManager = "zero-trust";

/**
 * The marks of every object that this program makes. Under a field manager of its own, and not one made up anew for each create, an update that was killed meets its
 * own objects again without a conflict, and somebody else's with one. (`fieldManagerName` in pulumi-kubernetes, provider/pkg/provider/provider.go.)
 *
 * @param more marks that the object has beside them
 */
export function owned(component: string, more: Partial<Marks> = {}): Marks {
  return {
    labels: { ...labelsOf(component), ...more.labels },
    annotations: { "pulumi.com/patchFieldManager": fieldManager, ...more.annotations },
  };
}

/**
 * For what the way off changes: a field that somebody else has written since, in an incident say, is written again, and not a conflict that stops it.
 * (`patchForce` in pulumi-kubernetes, provider/pkg/await/await.go.)
 */
export const forced = { "pulumi.com/patchForce": "true" };

/**
 * For objects that the provider does not wait for. A Service has to be there before its pods are. For a volume claim of a class that binds late the provider waits until the claim is pending
 * (provider/pkg/await/awaiters.go), which a claim that is bound already never is. For workloads of SPIRE's this program waits itself (workloadWait.ts): the provider takes an updated StatefulSet
 * for ready before its controller has seen it, and waits ten minutes for pods that cannot start.
 */
export const unawaited = { "pulumi.com/skipAwait": "true" };

/** The label of this program's own objects. */
const managedBy = "app.kubernetes.io/managed-by";

/** Selects the objects that this program has made. */
export const ownSelector = `${managedBy}=zero-trust`;

/** Whether this program has made an object with these labels. */
export const isOwn = (labels: Readonly<Record<string, unknown>> | undefined): boolean =>
  labels?.[managedBy] === "zero-trust";

/** The labels on everything that this program makes, pods included. */
export function labelsOf(component: string): Readonly<Record<string, string>> {
  return { "app.kubernetes.io/name": component, [managedBy]: "zero-trust" };
}
