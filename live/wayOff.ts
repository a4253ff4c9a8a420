import { describeObject, type KubernetesObject, type PlannedObject } from "../core/util/kubernetes";
import { valuesConfigMap } from "../core/schema/helmRelease";
import type { Plan } from "../plan/plan";
import { quoted } from "../core/util/shell";
import type { RolloutState } from "../core/rollout/state";

// What stands in the way of turning authentication off, of what people do to a cluster by hand: plain decisions on what askWayOff read.

/** An object that the last update made. */
export type Deployed = PlannedObject;

/** What an update that turns authentication off does with its objects that are no longer there. */
export interface Remedies {
  /** Made again before the update, as planned: the provider updates no object that is missing. */
  readonly made: readonly Deployed[];
  /** Pulumi's names of those that the update leaves alone, since nothing is denied or demanded by an object that is not there. */
  readonly left: readonly string[];
  readonly notes: readonly string[];
}

/**
 * Lists the objects that turning authentication off depends on and that the last update made: the policies, and Cilium's values for Flux.
 *
 * @param state what the last update recorded
 */
export function deployedOnWayOff({ components }: Plan, state: RolloutState | undefined): Deployed[] {
  if (state === undefined) return [];
  const recorded = state.objects?.policies;
  const isRecorded = ({ kind, metadata: { name, namespace = "" } }: KubernetesObject) =>
    kind !== "CiliumNetworkPolicy" || recorded === undefined || recorded[namespace]?.split(" ").includes(name) === true;
  return components
    .filter(({ kind }) => !["Spire", "Certificates", "MeshNamespaces"].includes(kind))
    .flatMap(({ objects }) => objects.filter(({ manifest }) => isRecorded(manifest)));
}

/**
 * Decides what becomes of objects that are missing. Cilium's values are made again, since they tell Cilium to stop. A namespace's allow rules are made again where its default deny is still
 * there, since their callers are cut off without them. Everything else stays away: without a default deny nothing is denied, and what somebody opened in an incident stays
 * open.
 *
 * @param deployed as {@link deployedOnWayOff} lists them
 * @param missing Pulumi's names of those that are not in the cluster
 */
export function remediesFor(deployed: readonly Deployed[], missing: ReadonlySet<string>): Remedies {
  const closed = new Set(
    deployed
      .filter(({ name, manifest }) => !missing.has(name) && deniesAll(manifest))
      .map(({ manifest }) => manifest.metadata.namespace),
  );
  const gone = deployed.filter(({ name }) => missing.has(name));
  const isMade = ({ manifest }: Deployed) =>
    isValues(manifest) ||
    (manifest.kind === "CiliumNetworkPolicy" && !deniesAll(manifest) && closed.has(manifest.metadata.namespace));
  const made = gone.filter(isMade);
  const left = gone.filter((object) => !isMade(object));
  return {
    made,
    left: left.map(({ name }) => name),
    notes: [
      ...made.map(({ manifest }) => `${describeObject(manifest)} is missing: this update makes it again`),
      ...left.map(
        ({ manifest }) =>
          `${describeObject(manifest)} is missing, so it denies nothing and demands nothing: this update leaves it away. To make it again afterwards: pulumi up --refresh`,
      ),
    ],
  };
}

const isValues = ({ kind, metadata }: KubernetesObject) =>
  kind === "ConfigMap" && metadata.name === valuesConfigMap.name;

/** Whether a Cilium policy closes its whole namespace: a rule about all pods that admits nobody. */
function deniesAll({ spec, specs }: KubernetesObject): boolean {
  const rules = [spec, ...(Array.isArray(specs) ? (specs as unknown[]) : [])];
  return rules.some((rule) => {
    const { endpointSelector, enableDefaultDeny, ingress } = (rule ?? {}) as {
      endpointSelector?: object;
      enableDefaultDeny?: { ingress?: boolean };
      ingress?: unknown;
    };
    return (
      endpointSelector !== undefined &&
      enableDefaultDeny?.ingress !== false &&
      Object.keys(endpointSelector).length === 0 &&
      JSON.stringify(ingress) === JSON.stringify([{}])
    );
  });
}

/** Why the API server refuses to write an object. */
export interface Refusal {
  readonly object: KubernetesObject;
  /** What the API server said. */
  readonly message: string;
}

/** A webhook in one of the API server's configurations of webhooks. */
export interface WebhookPlace {
  readonly kind: "ValidatingWebhookConfiguration" | "MutatingWebhookConfiguration";
  readonly configuration: string;
  readonly index: number;
}

/**
 * Names the admission webhook or policy that refused a write; undefined for any other refusal. (k8s.io/apiserver, pkg/admission/plugin/webhook/errors/statuserror.go and
 * webhook/generic/webhook.go; plugin/policy/validating.)
 *
 * @param message of the API server
 */
export function refuserOf(
  message: string,
): { readonly webhook: string; readonly answers: boolean } | "policy" | undefined {
  const failed = /failed calling webhook "([^"]+)"/.exec(message)?.[1];
  if (failed !== undefined) return { webhook: failed, answers: false };
  const denied = /admission webhook "([^"]+)" denied the request/.exec(message)?.[1];
  if (denied !== undefined) return { webhook: denied, answers: true };
  return /ValidatingAdmissionPolicy '[^']+' with binding '[^']+' denied request/.test(message) ? "policy" : undefined;
}

/**
 * Returns the command that lets writes pass while a webhook does not answer.
 *
 * @param kubectl the command, with its context
 */
export function ignoreWebhook(
  kubectl: string,
  { kind, configuration, index }: Omit<WebhookPlace, "kind"> & { readonly kind: string },
): string {
  const patch = [{ op: "replace", path: `/webhooks/${index}/failurePolicy`, value: "Ignore" }];
  return `${kubectl} patch ${kind} ${configuration} --type json --patch ${quoted(JSON.stringify(patch))}`;
}

/**
 * The message where an admission webhook or policy refuses what turns authentication off, with the command that gets past it.
 *
 * @param places where the webhook is configured, as far as that could be read
 * @param context of the kubeconfig
 * @param stack the stack's name
 */
export function refusalMessage(
  { object, message }: Refusal,
  places: readonly WebhookPlace[],
  context: string,
  stack: string,
): string {
  const refuser = refuserOf(message);
  const start = `Authentication cannot be turned off: the API server refuses to change ${describeObject(object)}.\n  ${message}`;
  const again = `pulumi up --stack ${stack}`;
  if (refuser === undefined || refuser === "policy" || refuser.answers)
    return `${start}\n  Ask its owner to admit the change, or to exempt the namespace, and then: ${again}`;
  const kubectl = `kubectl --context ${quoted(context)}`;
  const commands = places.map((place) => `    ${ignoreWebhook(kubectl, { ...place, kind: place.kind.toLowerCase() })}`);
  const find = `    ${kubectl} get validatingwebhookconfigurations,mutatingwebhookconfigurations`;
  return [
    start,
    `  The webhook ${refuser.webhook} does not answer, and its failurePolicy is Fail. Let writes pass while it is down:`,
    ...(commands.length > 0 ? commands : [find]),
    `  Then: ${again}. When the webhook answers again, set its failurePolicy back to Fail.`,
  ].join("\n");
}
