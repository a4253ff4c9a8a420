import {
  unknownCheckingProxy,
  type ResourceValidationArgs,
  type ResourceValidationPolicy,
  type StackValidationArgs,
  type StackValidationPolicy,
} from "@pulumi/policy";
import * as pulumi from "@pulumi/pulumi";
import { passedOn } from "../../config/accessFile";
import { guardrails } from "../../policy/guardrails";
import { policiesOf } from "../../policy/pack/pack";
import { projectStack } from "../../policy/pack/projectStack";
import type { PackResource } from "../../policy/pack/packFacts";
import type { Registered } from "../support/engine";
import { uid } from "../support/fakeCluster";
import { configOf, root, transitionOf } from "../support/stacks";

/** The policy pack as the engine uses it, asked what one guardrail says. */

/** Properties as the engine hands them to a policy: reading what is unknown throws. The SDK ships no types for it. */
export const withUnknowns = unknownCheckingProxy as (props: object) => object;

/** What the SDK uses for a value that a preview does not know. */
export const unknown = "04da6b54-80e4-46f7-96ec-b56ff0331ba9";

export const policies = () => policiesOf(guardrails, projectStack(root));
const policyNamed = (name: string) => policies().find((policy) => policy.name === name);

/** What was said in a guardrail's name, without it. */
const saidBy = (name: string, said: readonly string[]) =>
  said.filter((message) => message.startsWith(`${name}: `)).map((message) => message.slice(name.length + 2));

/** What one guardrail says of one object. */
export function checkObject(name: string, type: string, props: object): string[] {
  const found: string[] = [];
  const { validateResource } = policyNamed("guardrails") as ResourceValidationPolicy;
  const opts = { ignoreChanges: [] };
  const args = { type, name: "x", props: withUnknowns(props), opts };
  if (typeof validateResource === "function")
    void validateResource(args as unknown as ResourceValidationArgs, (message) => found.push(message));
  return saidBy(name, found);
}

/** What one guardrail says of all resources. */
export const checkStack = (name: string, resources: readonly PackResource[]) =>
  saidBy(name, runStack("guardrails", resources));

/** What a policy says of all resources. */
export function runStack(policy: string, resources: readonly PackResource[]): string[] {
  const found: string[] = [];
  const { validateStack } = policyNamed(policy) as Partial<StackValidationPolicy>;
  void validateStack?.({ resources } as unknown as StackValidationArgs, (message) => found.push(message));
  return found;
}

export function configure(...assignments: string[]): void {
  pulumi.runtime.setAllConfig(passedOn(configOf("apps", ...assignments)));
}

/** A pack that has started for the stack apps. */
export async function startPack(): Promise<void> {
  await pulumi.runtime.setMocks({ newResource: () => ({ id: "", state: {} }), call: () => ({}) }, "zero-trust", "apps");
  configure();
}

/** A registration as the engine shows it to a policy. The values of CiliumAuth are outputs of the component. */
export const resourceOf = ({ type, name, inputs, parent, provider, dependencies }: Registered): PackResource => ({
  type,
  name,
  parent: { name: parent },
  provider: { name: provider, type: "pulumi:providers:kubernetes", props: pinned },
  props:
    name === "cilium-auth" ? { values: transitionOf("apps", { from: "on", auth: true }).plan.ciliumValues } : inputs,
  dependencies: dependencies.map((dependency) => ({ name: dependency })),
});

const pinned = { context: "apps", clusterIdentifier: uid };
