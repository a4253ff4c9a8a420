import {
  ciliumAuthPolicyObjects,
  denyAllObjects,
  type CiliumAuthPolicyArgs,
  type DenyAllArgs,
} from "../components/access/cilium/policies";
import { istioAuthPolicyObjects, type IstioAuthPolicyArgs } from "../components/access/istio/policies";
import { linkerdAuthPolicyObjects, type LinkerdAuthPolicyArgs } from "../components/access/linkerd/policies";
import { meshMarks, meshNamespaceObjects, type MeshNamespacesArgs } from "../components/access/meshMarks";
import type { LivePolicies } from "../components/access/cilium/policyForm";
import { tellable } from "../components/access/mesh";
import { certificatesArgs, ciliumArgs, spireArgs } from "./args";
import { certificateObjects } from "../components/certificates/objects";
import type { CertificatesArgs } from "../components/certificates/settings";
import { ciliumAuthObjects, ciliumRelease } from "../components/cilium/objects";
import type { CiliumAuthArgs } from "../components/cilium/values";
import type { Intent, Phase, StackConfig } from "../core/schema/schema";
import type { PlannedObject, PlannedRelease } from "../core/util/kubernetes";
import type { Previous } from "../core/rollout/state";
import { spireObjects } from "../components/spire/objects";
import type { SpireArgs } from "../components/spire/settings";
import type { types } from "../components/types";

// What each component of an update is made of.

interface Component<Kind extends keyof typeof types, Args> {
  readonly kind: Kind;
  readonly name: string;
  /** What the component is made from: passed to the engine too, where policies can read it. */
  readonly args: Args;
  /** What it makes. */
  readonly objects: readonly PlannedObject[];
  readonly release?: PlannedRelease;
  /** Names of the components that come before it, all of them; a resource of one of them where that is enough. */
  readonly after: readonly string[];
}

export type PlannedComponent =
  | Component<"Certificates", CertificatesArgs>
  | Component<"Spire", SpireArgs>
  | Component<"CiliumAuth", CiliumAuthArgs>
  | Component<"CiliumAuthPolicy", CiliumAuthPolicyArgs>
  | Component<"DenyAll", DenyAllArgs>
  | Component<"IstioAuthPolicy", IstioAuthPolicyArgs>
  | Component<"LinkerdAuthPolicy", LinkerdAuthPolicyArgs>
  | Component<"MeshNamespaces", MeshNamespacesArgs>;

/** cert-manager and what it issues, where the stack has any of it. */
export function certificatesComponent(config: StackConfig, after: readonly string[]): PlannedComponent[] {
  const args = certificatesArgs(config);
  if (!args) return [];
  const name = "certificates";
  const { objects, release } = certificateObjects(name, args);
  return [{ kind: "Certificates", name, args, objects, after, ...(release ? { release } : {}) }];
}

/** SPIRE, where it is of this stack. */
export function spireComponent(config: StackConfig, previous: Previous, after: readonly string[]): PlannedComponent[] {
  const args = spireArgs(config, previous);
  return args ? [{ kind: "Spire", name: "spire", args, objects: spireObjects("spire", args), after }] : [];
}

export function ciliumComponent(config: StackConfig, after: readonly string[]): PlannedComponent {
  const args = ciliumArgs(config);
  const name = "cilium-auth";
  const release = ciliumRelease(name, args);
  const objects = ciliumAuthObjects(name, args);
  return { kind: "CiliumAuth", name, args, objects, after, ...(release ? { release } : {}) };
}

/**
 * The allow rules of one namespace and, from `allow` on, its default deny.
 *
 * @param live of Cilium's, how they are cut
 */
export function accessComponents(
  { auth, mesh, trustDomain }: StackConfig,
  namespace: string,
  phase: Phase,
  configured: readonly Intent[],
  live: LivePolicies,
): PlannedComponent[] {
  if (phase === "off" || mesh?.ztunnel) return [];
  const intents = auth ? configured : tellable(configured, mesh);
  const name = `access-${namespace}`;
  if (mesh?.istio) {
    const { mode, waypoint } = mesh.istio;
    const gateway = mode === "ambient" && waypoint !== undefined ? { waypoint } : {};
    const args = { namespace, phase, intents, trustDomain, ...gateway };
    return [{ kind: "IstioAuthPolicy", name, args, objects: istioAuthPolicyObjects(name, args), after: [] }];
  }
  if (mesh?.linkerd) {
    const args = { namespace, phase, intents };
    return [{ kind: "LinkerdAuthPolicy", name, args, objects: linkerdAuthPolicyObjects(name, args), after: [] }];
  }
  const { form, parts } = live;
  const args = { namespace, phase, intents, ...(parts > 1 ? { parts } : {}), ...(form === "whole" ? {} : { form }) };
  const objects = ciliumAuthPolicyObjects(name, args);
  const allow: PlannedComponent = { kind: "CiliumAuthPolicy", name, args, objects, after: [] };
  if (phase === "observe" || form === "whole" || form === "leaving") return [allow];

  const denyName = `deny-all-${namespace}`;
  const denyArgs = { namespace };
  return [
    allow,
    { kind: "DenyAll", name: denyName, args: denyArgs, objects: denyAllObjects(denyName, denyArgs), after: [name] },
  ];
}

export function marksComponents(
  { mesh }: StackConfig,
  namespaces: readonly string[],
  after: readonly string[],
): PlannedComponent[] {
  if (!mesh || namespaces.length === 0) return [];
  const name = "mesh";
  const args = { namespaces, marks: meshMarks(mesh) };
  return [{ kind: "MeshNamespaces", name, args, objects: meshNamespaceObjects(name, args), after }];
}
