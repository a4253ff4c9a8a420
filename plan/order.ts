import type { StackConfig } from "../core/schema/schema";
import {
  certificatesComponent,
  ciliumComponent,
  marksComponents,
  spireComponent,
  type PlannedComponent,
} from "./planned";
import { installsCilium } from "../core/rollout/phases";
import type { Previous } from "../core/rollout/state";
import { serviceOf } from "../components/spire/objects";

// What comes before what in an update: see plan in plan.ts.

/** Where Cilium authenticates, or is about to. */
export function inOrder(
  config: StackConfig,
  previous: Previous,
  policies: readonly PlannedComponent[],
): PlannedComponent[] {
  const first = installsCilium(config, previous);
  if (first && !config.auth) {
    const rest = policies.map(after("cilium-auth"));
    const last = ["cilium-auth", ...namesOf(policies)];
    return [
      ciliumComponent(config, []),
      ...rest,
      ...certificatesComponent(config, last),
      ...spireComponent(config, previous, namesOf(policies)),
    ];
  }
  if (config.auth) {
    // cert-manager needs the network, as SPIRE does: where Cilium is new, SPIRE's server asks for its CA until there is somebody to sign it.
    const certificates = certificatesComponent(config, first ? ["cilium-auth"] : []);
    const asks = !first && config.spire.upstreamAuthority?.certManager !== undefined;
    const spire = spireComponent(config, previous, asks ? namesOf(certificates) : []);
    // SPIRE's server waits for the network, and the network's operator for the server's address.
    const needs = first && config.spire.install === "managed" ? [serviceOf("spire")] : namesOf(spire);
    const cilium = ciliumComponent(config, needs);
    const rest = policies.map(after(...namesOf(spire), cilium.name));
    return first ? [...spire, cilium, ...certificates, ...rest] : [...certificates, ...spire, cilium, ...rest];
  }
  const allow = namesOf(policies.filter(({ kind }) => kind === "CiliumAuthPolicy"));
  const cilium = ciliumComponent(config, allow);
  const last = [...allow, cilium.name];
  return [...policies, cilium, ...certificatesComponent(config, last), ...spireComponent(config, previous, last)];
}

/**
 * The policies of another mesh, whose pods are taken into it before anybody is denied, and after the SPIRE that is to sign for them, if any; on the way off nothing
 * comes before what relaxes.
 */
export function besideMesh(
  config: StackConfig,
  previous: Previous,
  policies: readonly PlannedComponent[],
  namespaces: readonly string[],
): PlannedComponent[] {
  const { auth, spire } = config;
  // SPIRE's server may have its CA from cert-manager: on the way on that comes first, and otherwise certificates are for nobody here.
  const signs = auth && spire.upstreamAuthority?.certManager !== undefined;
  const certificates = certificatesComponent(config, signs ? [] : namesOf(policies));
  const signers = spireComponent(config, previous, auth ? (signs ? namesOf(certificates) : []) : namesOf(policies));
  const needs = namesOf(signers);
  const marks = marksComponents(config, namespaces, auth ? needs : namesOf(policies));
  if (!auth) return [...policies, ...marks, ...certificates, ...signers];
  const rest = [...signers, ...marks, ...policies.map(after(...needs, ...namesOf(marks)))];
  return signs ? [...certificates, ...rest] : [...rest, ...certificates];
}

const namesOf = (components: readonly PlannedComponent[]) => components.map(({ name }) => name);

const after =
  (...names: string[]) =>
  (planned: PlannedComponent): PlannedComponent => ({ ...planned, after: [...names, ...planned.after] });
