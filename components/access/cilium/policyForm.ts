import type { StackConfig } from "../../../core/schema/schema";
import { groupBy } from "../../../core/util/groupBy";
import type { Previous, RolloutState } from "../../../core/rollout/state";
import { isPartName } from "./policyParts";

/**
 * How a namespace's CiliumNetworkPolicies are cut. Earlier versions of this program made an object for each target and port, and `zero-trust-deny-all`; this one makes one
 * object for the namespace.
 *
 * - `perTarget`: as earlier versions made them
 * - `joined`: the same, and the new object beside them, which demands no authentication
 * - `leaving`: the new object, and beside it those of the targets, which demand none; no `zero-trust-deny-all`
 * - `whole`: the new object alone
 */
export type PolicyForm = "perTarget" | "joined" | "leaving" | "whole";

/** What is live of a namespace's policies, as far as the last update recorded it. */
export interface LivePolicies {
  readonly form: PolicyForm;
  /** Over how many objects the rules of all targets are spread; 0 where there are none. */
  readonly parts: number;
}

/** The default deny of earlier versions. */
export const denyAllName = "zero-trust-deny-all";

/**
 * A stack with the old objects gets to the new form in three updates, each of which records where it got to. What demands authentication is known to the record before it
 * demands it, and has stopped before it leaves: so an update that fails at any place, with one after it that turns authentication off, leaves nothing that demands it
 * until the engine deletes last. (One update that makes the new objects and drops the old ones could fail with both live, and one of them not in the program any more.)
 */
const next: Readonly<Record<PolicyForm, PolicyForm>> = {
  perTarget: "joined",
  joined: "leaving",
  leaving: "whole",
  whole: "whole",
};

/** The form that an update gives a namespace: a step further, and as it was where the update turns authentication on or off, so that it makes and deletes nothing. */
export function formFor({ auth }: Pick<StackConfig, "auth">, { state }: Previous, namespace: string): LivePolicies {
  const live = livePolicies(state, namespace);
  return state !== undefined && state.auth !== auth ? live : { ...live, form: next[live.form] };
}

/** What an update does to get to the new form, for the reader of a preview. */
export function formNotes(config: Pick<StackConfig, "auth">, previous: Previous, namespaces: readonly string[]) {
  const changed = namespaces.filter(
    (namespace) => formFor(config, previous, namespace).form !== livePolicies(previous.state, namespace).form,
  );
  const groups = groupBy(changed, (namespace) => formFor(config, previous, namespace).form);
  return [...groups].map(([form, names]) => `${names.join(", ")}: ${steps[form]}`);
}

const steps: Readonly<Record<PolicyForm, string>> = {
  perTarget: "",
  joined: `one CiliumNetworkPolicy for the namespace is made beside those for each target; two more updates put it in their place`,
  leaving: `the CiliumNetworkPolicy for the namespace takes over from those for each target, and ${denyAllName} goes; the next update deletes them`,
  whole: "the CiliumNetworkPolicies for each target go; the one for the namespace has their rules",
};

/** What the last update left in a namespace. A record without its objects is of a version that made one for each target. */
export function livePolicies(state: RolloutState | undefined, namespace: string): LivePolicies {
  const phase = state?.phases[namespace] ?? "off";
  if (state && !state.objects) return { form: phase === "off" ? "whole" : "perTarget", parts: 0 };
  return policiesNamed((state?.objects?.policies[namespace] ?? "").split(" "));
}

/** The same by the names of the policies. */
export function policiesNamed(names: readonly string[]): LivePolicies {
  const parts = names.filter(isPartName).length;
  const closes = names.includes(denyAllName);
  if (!closes && !names.some((name) => name.startsWith("allow-"))) return { form: "whole", parts };
  return { form: parts === 0 ? "perTarget" : closes ? "joined" : "leaving", parts };
}
