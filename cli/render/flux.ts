import { ciliumOf } from "../../core/schema/schema";
import { releaseNamespaceOf } from "../../components/cilium/values";
import type { KubernetesObject } from "../../core/util/kubernetes";
import { spire as names } from "../../core/schema/spireNames";
import type { RenderedFile } from "../lib/files";
import {
  configMap,
  filesOfFolder,
  foldersOf,
  kustomization,
  withFlag,
  yamlFile,
  type BothWays,
  type Folder,
  type Marks,
} from "./gitops";

/** Where Flux finds the tree. */
export interface FluxPlace {
  /** The tree's directory in the repository, without a slash at either end. */
  readonly path: string;
  /** The source of that repository. */
  readonly source: { readonly kind: string; readonly name: string };
}

/** Flux's namespace, and the ConfigMap in it with the flag. */
export const fluxNamespace = "flux-system";
export const settingsName = "cluster-settings";
/** The flag as the parent substitutes it. Off where nobody has said anything. */
export const flagVariable = "${CILIUM_AUTHN_ENABLED:=false}";

/** What kustomize-controller is told on objects (fluxcd/kustomize-controller docs/spec/v1/kustomizations.md). */
const marks: Marks = {
  kept: { "kustomize.toolkit.fluxcd.io/prune": "disabled" },
  literal: { "kustomize.toolkit.fluxcd.io/substitute": "disabled" },
};

/** A Kustomization of Flux's, its name without the prefix. */
interface Step {
  readonly name: string;
  readonly folder: string;
  readonly timeout: string;
  readonly dependsOn?: readonly { readonly name: string; readonly readyExpr?: string }[];
  readonly healthChecks?: readonly object[];
  readonly healthCheckExprs?: readonly object[];
}

/** The folder in which the gate's own object is. */
const gate = "gate";

/**
 * A tree by which Flux alone turns authentication on and off in the right order, from one variable.
 *
 * `zero-trust` is the parent: it substitutes the variable into the paths of its children, so that the flag is part of each child's own spec, and of its generation: what a
 * child has applied at its present generation is known from its status. The order of each direction is in expressions (`readyExpr`), since a dependency's direction is fixed:
 * on, Cilium waits for SPIRE, the gate for Cilium as it runs, and the policies for the gate; off, the policies wait for nothing, and Cilium for the policies.
 * No cycle: kustomize-controller drops every request for a new revision of a source when it finds one (internal/controller/kustomization_indexers.go), so that the gate looks at
 * Cilium by a health check and not by a dependency.
 */
export function fluxFiles(stack: BothWays, place: FluxPlace): RenderedFile[] {
  const { name } = stack.on;
  const folders = [...foldersOf(stack, marks), ...gateFolders(stack)];
  const steps = stepsOf(stack, folders);
  const directory = `./${place.path}/${name}`;
  const children = steps.map((step) => ({
    file: `${step.name}.yaml`,
    object: kustomizationOf(step, directory, place),
  }));
  return [
    ...folders.flatMap((folder) => filesOfFolder(name, folder)),
    ...children.map(({ file, object }) => yamlFile(name, `flux/${file}`, object)),
    kustomization(
      name,
      "flux",
      children.map(({ file }) => file),
    ),
    yamlFile(name, "zero-trust.yaml", parentOf(`${directory}/flux`, place)),
    kustomization(name, "", ["zero-trust.yaml"]),
  ];
}

/** The gate applies next to nothing: what it does is to be ready or not. */
function gateFolders({ on }: BothWays): Folder[] {
  const { namespace } = ciliumOf(on.config.cluster);
  return [true, false].map((flag) => ({
    path: withFlag(gate, flag),
    objects: [configMap("zero-trust-gate", namespace, { CILIUM_AUTHN_ENABLED: String(flag) })],
  }));
}

const selfIs = (flag: boolean) => `self.spec.path.endsWith('/authn-${flag}')`;
const depIs = (flag: boolean) => `dep.spec.path.endsWith('/authn-${flag}')`;
/** It has been ready at its present generation, whatever became of it since. */
const applied = "dep.metadata.generation == dep.status.observedGeneration";
const ready = `${applied} && dep.status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')`;
const flagIs = (flag: boolean) => `'${flagVariable}' == '${flag}'`;

function stepsOf(stack: BothWays, folders: readonly Folder[]): Step[] {
  const has = (path: string) => folders.some((folder) => folder.path === path);
  const only = (path: string) => (has(path) ? [{ name: path }] : []);
  return [
    ...(has("crds") ? [{ name: "crds", folder: "crds", timeout: "1m" }] : []),
    ...(has("certificates")
      ? [{ name: "certificates", folder: "certificates", timeout: "5m", dependsOn: only("crds") }]
      : []),
    ...(has("spire") ? [spireStep(stack, [...only("crds"), ...only("certificates")])] : []),
    gateStep(stack),
    policiesStep(folders),
    ciliumStep(has("spire")),
  ];
}

function spireStep({ on }: BothWays, dependsOn: readonly { name: string }[]): Step {
  const { agentNamespace } = on.config.spire;
  return {
    name: "spire",
    folder: "spire",
    timeout: "5m",
    dependsOn: on.config.spire.upstreamAuthority?.certManager
      ? dependsOn
      : dependsOn.filter(({ name }) => name === "crds"),
    healthChecks: [
      { apiVersion: "apps/v1", kind: "StatefulSet", name: names.server, namespace: names.namespace },
      { apiVersion: "apps/v1", kind: "DaemonSet", name: names.agent, namespace: agentNamespace },
    ],
  };
}

/**
 * Ready, with the flag on, once Cilium's values say so and every pod of Cilium's runs them: its chart mounts SPIRE's sockets only with authentication on (as live/probes/cilium.ts
 * has it). With the flag off everything passes, and nothing that goes off waits for it.
 */
function gateStep({ on }: BothWays): Step {
  const cilium = ciliumOf(on.config.cluster);
  const mounted =
    "has(spec.template.spec.volumes) && spec.template.spec.volumes.exists(v, v.name == 'spire-agent-socket')";
  const off = flagIs(false);
  return {
    name: gate,
    folder: withFlag(gate, flagVariable),
    timeout: "1m",
    healthChecks: [
      { apiVersion: fluxApi, kind: "Kustomization", name: "zero-trust-cilium", namespace: fluxNamespace },
      { apiVersion: helmApi, kind: "HelmRelease", name: "cilium", namespace: releaseNamespaceOf(cilium) },
      { apiVersion: "apps/v1", kind: "DaemonSet", name: "cilium", namespace: cilium.namespace },
      { apiVersion: "apps/v1", kind: "Deployment", name: "cilium-operator", namespace: cilium.namespace },
    ],
    healthCheckExprs: [
      {
        apiVersion: fluxApi,
        kind: "Kustomization",
        current: `${off} || (spec.path.endsWith('/authn-true') && metadata.generation == status.observedGeneration)`,
      },
      {
        apiVersion: helmApi,
        kind: "HelmRelease",
        current: `${off} || (status.conditions.exists(c, c.type == 'Ready' && c.status == 'True') && !status.conditions.exists(c, c.type == 'Reconciling' && c.status == 'True'))`,
      },
      {
        apiVersion: "apps/v1",
        kind: "DaemonSet",
        current: `${off} || (${mounted} && status.updatedNumberScheduled == status.desiredNumberScheduled && status.numberAvailable == status.desiredNumberScheduled)`,
      },
      {
        apiVersion: "apps/v1",
        kind: "Deployment",
        current: `${off} || (${mounted} && status.updatedReplicas == spec.replicas && status.availableReplicas == spec.replicas)`,
      },
    ],
  };
}

/** On, valid: Cilium's operator says no to a demand while authentication is off. Off, without a demand, and whatever Cilium says. */
function policiesStep(folders: readonly Folder[]): Step {
  const kind = "CiliumNetworkPolicy";
  const policies = folders
    .filter(({ path }) => path === withFlag("policies", true))
    .flatMap(({ objects }) => objects.filter((object) => object.kind === kind));
  const valid = "status.conditions.exists(c, c.type == 'Valid' && c.status == 'True')";
  const relaxed =
    "specs.all(s, !has(s.ingress) || s.ingress.all(r, !has(r.authentication) || r.authentication.mode != 'required'))";
  return {
    name: "policies",
    folder: withFlag("policies", flagVariable),
    timeout: "1m",
    dependsOn: [{ name: gate, readyExpr: `${selfIs(false)} || (${depIs(true)} && ${ready})` }],
    ...(policies.length > 0
      ? {
          healthChecks: policies.map(({ apiVersion, metadata: { name, namespace } }) => ({
            apiVersion,
            kind,
            name,
            namespace,
          })),
          healthCheckExprs: [
            {
              apiVersion: "cilium.io/v2",
              kind,
              current: `(${flagIs(true)} && ${valid}) || (${flagIs(false)} && ${relaxed})`,
            },
          ],
        }
      : {}),
  };
}

function ciliumStep(hasSpire: boolean): Step {
  return {
    name: "cilium",
    folder: withFlag("cilium", flagVariable),
    timeout: "1m",
    dependsOn: [
      ...(hasSpire ? [{ name: "spire", readyExpr: `${selfIs(false)} || (${ready})` }] : []),
      // A gate that still stands open from before would let policies through behind Cilium's back.
      { name: gate, readyExpr: `${selfIs(true)} || ${depIs(false)}` },
      { name: "policies", readyExpr: `${selfIs(true)} || (${depIs(false)} && ${applied})` },
    ],
  };
}

const fluxApi = "kustomize.toolkit.fluxcd.io/v1";
const helmApi = "helm.toolkit.fluxcd.io/v2";

function kustomizationOf(
  { name, folder, timeout, dependsOn = [], healthChecks, healthCheckExprs }: Step,
  directory: string,
  { source }: FluxPlace,
): KubernetesObject {
  return {
    apiVersion: fluxApi,
    kind: "Kustomization",
    metadata: { name: `zero-trust-${name}`, namespace: fluxNamespace },
    spec: {
      interval: "10m",
      retryInterval: "30s",
      timeout,
      path: `${directory}/${folder}`,
      sourceRef: source,
      prune: true,
      // A Kustomization that goes leaves what is live.
      deletionPolicy: "Orphan",
      ...(dependsOn.length > 0
        ? { dependsOn: dependsOn.map((dependency) => ({ ...dependency, name: `zero-trust-${dependency.name}` })) }
        : {}),
      ...(healthChecks ? { healthChecks } : {}),
      ...(healthCheckExprs ? { healthCheckExprs } : {}),
    },
  };
}

function parentOf(path: string, { source }: FluxPlace): KubernetesObject {
  return {
    apiVersion: fluxApi,
    kind: "Kustomization",
    metadata: { name: "zero-trust", namespace: fluxNamespace },
    spec: {
      interval: "5m",
      retryInterval: "30s",
      timeout: "1m",
      path,
      sourceRef: source,
      prune: true,
      deletionPolicy: "Orphan",
      postBuild: {
        // Without one that is given, nothing is substituted, not even defaults.
        substitute: { zero_trust: "substituted" },
        substituteFrom: [{ kind: "ConfigMap", name: settingsName, optional: true }],
      },
    },
  };
}
