import type { Phase, StackConfig } from "../../core/schema/schema";
import { effectivePhase } from "../../core/rollout/phases";
import type { LabelledIdentity } from "../../live/readiness";
import type { RolloutState } from "../../core/rollout/state";
import type { FlowLine } from "./flowLines";
import type {
  Asked,
  Attested,
  ConfigMap,
  Endpoints,
  Entries,
  Pairs,
  Pod,
  Policies,
  SpiffeIds,
  StaticEntries,
  Workload,
} from "./answers";

/** What Cilium's agent on a node says. */
export interface AgentAnswer {
  readonly node: string;
  /** Whether SPIRE gives it certificates, in Cilium's words. */
  readonly provider: Asked<{ readonly state: string; readonly message: string }>;
  /** Nodes that do not answer it on the port of the handshake. */
  readonly unanswered: Asked<readonly string[]>;
  /** The keys `mesh-auth-…` with which it has started. */
  readonly config: Asked<Readonly<Record<string, string>>>;
  readonly pairs: Asked<Pairs>;
  readonly endpoints: Asked<Endpoints>;
  /** How many rules in its datapath demand authentication. */
  readonly demanding: Asked<number>;
}

/** The flows to the pods of a namespace. */
export interface SeenFlows {
  readonly lines: readonly FlowLine[];
  /** Nodes that were not heard, and events that were lost. */
  readonly silent: readonly string[];
  readonly lost: number;
}

/** Everything that the checks judge. Undefined is for an object that is not there. */
export interface Facts {
  readonly stack: string;
  readonly config: StackConfig;
  /** Milliseconds since 1970. */
  readonly now: number;
  /** What the last update recorded; undefined where there was none. */
  readonly recorded: Asked<RolloutState | undefined>;
  /** UID of kube-system. */
  readonly uid: Asked<string>;
  readonly spire: {
    readonly statefulSet: Asked<Workload | undefined>;
    readonly daemonSet: Asked<Workload | undefined>;
    /** In SPIRE's namespace, and in that of its agents. */
    readonly pods: Asked<readonly Pod[]>;
    readonly agentPods: Asked<readonly Pod[]>;
    readonly serverFile: Asked<ConfigMap | undefined>;
    readonly agentFile: Asked<ConfigMap | undefined>;
    readonly bundle: Asked<ConfigMap | undefined>;
    readonly staticEntries: Asked<StaticEntries>;
    readonly spiffeIds: Asked<SpiffeIds>;
    readonly entries: Asked<Entries>;
    readonly attested: Asked<Attested>;
  };
  readonly cilium: {
    readonly config: Asked<ConfigMap | undefined>;
    readonly agent: Asked<Workload | undefined>;
    readonly operator: Asked<Workload | undefined>;
    readonly agentPods: Asked<readonly Pod[]>;
    readonly operatorPods: Asked<readonly Pod[]>;
    readonly agents: Asked<readonly AgentAnswer[]>;
    readonly identities: Asked<readonly LabelledIdentity[]>;
    readonly policies: Asked<Policies>;
    readonly clusterwide: Asked<Policies>;
  };
  /** What no alert tells anybody of. */
  readonly untold: Asked<readonly string[]>;
  /** By namespace; or why Hubble cannot be asked. */
  readonly flows: Asked<Readonly<Record<string, Asked<SeenFlows>>>>;
}

/** What is to be in force: as the last update recorded it, or as the stack file says where nobody knows what was recorded. */
export function inForce({ recorded, config }: Pick<Facts, "recorded" | "config">): {
  readonly auth: boolean;
  readonly phases: Readonly<Record<string, Phase>>;
} {
  const state = "known" in recorded ? recorded.known : undefined;
  const { auth, rollout, mesh } = config;
  const byCertificate = mesh !== undefined;
  return {
    auth: state?.auth ?? auth,
    phases:
      state?.phases ??
      Object.fromEntries(
        Object.entries(rollout.phases).map(([namespace, phase]) => [
          namespace,
          effectivePhase(phase, auth, byCertificate),
        ]),
      ),
  };
}
