/**
 * zero-trust for another Pulumi program: `deploy` does what this repository's own program does, for a configuration that is given to it. Its parts can be composed otherwise; what their order must be then, docs/reuse.md says.
 *
 * @packageDocumentation
 */
export { deploy } from "./program/deploy";

export { loadConfig, ConfigError } from "./config/load";
export type { Intent, Phase, StackConfig } from "./core/schema/schema";

export { plan, type Plan } from "./plan/plan";
export type { PlannedComponent } from "./plan/planned";
export type { Previous, RolloutState } from "./core/rollout/state";
export type { PhaseChange } from "./core/rollout/phases";
export { readConfig, readKnown, registerPlan } from "./program/program";
export { clusterProvider } from "./program/provider";

export { Spire } from "./components/spire/Spire";
export type { BundledSpire, ManagedSpire, SharedDatastore, SpireArgs } from "./components/spire/settings";
export { CiliumAuth } from "./components/cilium/CiliumAuth";
export { ciliumValues, type CiliumAuthArgs, type CiliumValues } from "./components/cilium/values";
export { CiliumAuthPolicy } from "./components/access/cilium/CiliumAuthPolicy";
export { DenyAll } from "./components/access/cilium/DenyAll";
export type { CiliumAuthPolicyArgs, DenyAllArgs } from "./components/access/cilium/policies";
export { IstioAuthPolicy } from "./components/access/istio/IstioAuthPolicy";
export type { IstioAuthPolicyArgs } from "./components/access/istio/policies";
export { LinkerdAuthPolicy } from "./components/access/linkerd/LinkerdAuthPolicy";
export type { LinkerdAuthPolicyArgs } from "./components/access/linkerd/policies";
export { Certificates } from "./components/certificates/Certificates";
export type { CertificatesArgs } from "./components/certificates/settings";
export { types } from "./components/types";

export { spireObjects } from "./components/spire/objects";
export { ciliumAuthPolicyObjects, denyAllObjects } from "./components/access/cilium/policies";
export { accessOf, accessDiagram, type Access } from "./core/access/graph";
export type { KubernetesObject, PlannedObject } from "./core/util/kubernetes";
