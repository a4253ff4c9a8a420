/**
 * zero-trust for another Pulumi program: `deploy` does what this repository's own program does, for a configuration that is given to it. Its parts can be composed otherwise; what their order must be then, docs/reuse.md says.
 *
 * @packageDocumentation
 */
export { deploy } from "./deploy";

export { loadConfig, ConfigError } from "./components/config/load";
export type { Intent, Phase, StackConfig } from "./components/config/schema";

export { plan, type Plan } from "./components/plan";
export type { PlannedComponent } from "./components/planned";
export type { Previous, RolloutState } from "./components/rollout/state";
export type { PhaseChange } from "./components/rollout/phases";
export { readConfig, readKnown, registerPlan } from "./components/program";
export { clusterProvider } from "./components/cluster";

export { Spire } from "./components/spire/spire";
export type { BundledSpire, ManagedSpire, SharedDatastore, SpireArgs } from "./components/spire/settings";
export { CiliumAuth } from "./components/cilium/ciliumAuth";
export { ciliumValues, type CiliumAuthArgs, type CiliumValues } from "./components/cilium/values";
export { CiliumAuthPolicy } from "./components/access/ciliumAuthPolicy";
export { DenyAll } from "./components/access/denyAll";
export type { CiliumAuthPolicyArgs, DenyAllArgs } from "./components/access/cilium";
export { IstioAuthPolicy } from "./components/access/istioAuthPolicy";
export type { IstioAuthPolicyArgs } from "./components/access/istio";
export { LinkerdAuthPolicy } from "./components/access/linkerdAuthPolicy";
export type { LinkerdAuthPolicyArgs } from "./components/access/linkerd";
export { Certificates } from "./components/certificates/certificates";
export type { CertificatesArgs } from "./components/certificates/settings";
export { types } from "./components/types";

export { spireObjects } from "./components/spire/objects";
export { ciliumAuthPolicyObjects, denyAllObjects } from "./components/access/cilium";
export { accessOf, accessDiagram, type Access } from "./components/access/graph";
export type { KubernetesObject, PlannedObject } from "./components/kubernetes";
