import type { WorkloadId, Workload } from "../core/rollout/workloads";

/** A container as the kubelet reports it. */
interface ContainerStatus {
  readonly name: string;
  readonly image?: string;
  readonly ready?: boolean;
  readonly state?: { readonly waiting?: { readonly reason?: string; readonly message?: string } };
  readonly lastState?: { readonly terminated?: { readonly exitCode?: number; readonly reason?: string } };
}

/** As much of a live pod as tells why it is not ready. */
export interface Pod {
  readonly metadata?: { readonly name?: string; readonly labels?: Readonly<Record<string, string>> };
  readonly status?: {
    readonly conditions?: readonly { readonly type: string; readonly status: string; readonly message?: string }[];
    readonly initContainerStatuses?: readonly ContainerStatus[];
    readonly containerStatuses?: readonly ContainerStatus[];
  };
}

/** Why a pod is not ready; `fails` where that seldom ends by itself. */
export interface Trouble {
  readonly why: string;
  readonly fails: boolean;
}

/** As many pods as are read. */
const shown = 3;
/** As much of another program's message as is read, in characters. */
const readable = 200;

/** Of the kubelet (pkg/kubelet/images/types.go in k8s.io/kubernetes). */
const unpullable = [
  ...["ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull", "ImageInspectError"],
  ...["RegistryUnavailable", "SignatureValidationFailed"],
];
/** What the kubelet says while it does what it has to. */
const underWay = ["ContainerCreating", "PodInitializing"];

/** Why the pods of a workload are not ready, in the words of the scheduler and of the kubelets; undefined where none of them says. */
export function troubleOf(id: WorkloadId, workload: Workload, pods: readonly Pod[]): Trouble | undefined {
  const troubles = pods.flatMap((pod) => {
    const trouble = isReady(pod) ? undefined : (stuck(id, workload, pod) ?? ofPod(pod));
    return trouble ? [{ ...trouble, why: `pod ${nameOf(pod)} ${trouble.why}` }] : [];
  });
  if (troubles.length === 0) return undefined;
  const more = troubles.length > shown ? [`and ${troubles.length - shown} more`] : [];
  const why = [...troubles.slice(0, shown).map(({ why }) => why), ...more].join("; ");
  return { why, fails: troubles.some(({ fails }) => fails) };
}

const nameOf = ({ metadata }: Pod) => metadata?.name ?? "";
const conditionOf = ({ status }: Pod, type: string) => status?.conditions?.find((condition) => condition.type === type);
const isReady = (pod: Pod) => conditionOf(pod, "Ready")?.status === "True";

/**
 * A StatefulSet that takes its pods in order replaces none while one is not ready, not even the one that a change is to mend
 * (https://kubernetes.io/docs/concepts/workloads/controllers/statefulset/#forced-rollback). Its podManagementPolicy, which would mend that, cannot be changed in a live one.
 */
function stuck({ kind, namespace }: WorkloadId, { spec, status }: Workload, pod: Pod): Trouble | undefined {
  const inOrder = kind === "StatefulSet" && spec?.podManagementPolicy !== "Parallel";
  const revision = pod.metadata?.labels?.["controller-revision-hash"];
  const trouble = ofPod(pod);
  if (!inOrder || !trouble?.fails || revision === undefined || revision === status?.updateRevision) return undefined;
  const command = `kubectl --namespace ${namespace} delete pod ${nameOf(pod)}`;
  return {
    why: `is of an earlier configuration and ${trouble.why}; Kubernetes does not replace it before it is ready, so delete it: ${command}`,
    fails: true,
  };
}

function ofPod(pod: Pod): Trouble | undefined {
  const scheduled = conditionOf(pod, "PodScheduled");
  if (scheduled?.status === "False") return { why: `cannot be scheduled${said(scheduled.message)}`, fails: false };
  const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
  const containers = [...initContainerStatuses, ...containerStatuses].flatMap((status) => ofContainer(status) ?? []);
  return containers.find(({ fails }) => fails) ?? containers[0];
}

function ofContainer({ name, image, ready, state, lastState }: ContainerStatus): Trouble | undefined {
  if (ready) return undefined;
  const { reason, message } = state?.waiting ?? {};
  if (reason !== undefined && unpullable.includes(reason))
    return { why: `cannot pull the image ${image ?? "of " + name} (${reason})${said(message)}`, fails: true };
  const ended = lastState?.terminated;
  // Said in the same words while it waits and while it runs once more, so that a wait sees no progress in it.
  if (ended) {
    const because = ended.reason === undefined || ended.reason === "Error" ? "" : `, ${ended.reason}`;
    return {
      why: `is started again and again: ${name} ended with exit code ${ended.exitCode ?? "unknown"}${because}`,
      fails: true,
    };
  }
  if (reason !== undefined && !underWay.includes(reason))
    return { why: `cannot start ${name} (${reason})${said(message)}`, fails: true };
  return undefined;
}

/** Another program's message, in one line, and not all of a long one. */
function said(message = ""): string {
  const line = message.replace(/\s+/g, " ").trim();
  if (line === "") return "";
  return `: ${line.length > readable ? `${line.slice(0, readable)}…` : line}`;
}
