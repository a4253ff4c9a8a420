import { parse } from "@marcbachmann/cel-js";
import { load } from "js-yaml";
import type { RenderedFile } from "../../../cli/lib/files";

/** A Kustomization of Flux's, as far as its controller goes by it. */
export interface Kustomization {
  readonly metadata: { readonly name: string; generation: number };
  spec: Spec;
  readonly status: { observedGeneration: number; conditions: { type: string; status: string }[] };
}

interface Spec {
  readonly path: string;
  readonly dependsOn?: readonly { readonly name: string; readonly readyExpr?: string }[];
  readonly healthChecks?: readonly { readonly kind: string; readonly name: string }[];
  readonly healthCheckExprs?: readonly { readonly kind: string; readonly current: string }[];
}

/** What a reconciliation of one Kustomization has done so far. It holds on to what it read when it began. */
interface Run {
  readonly spec: Spec;
  readonly generation: number;
  /** Of its dependencies, then its apply, then its health checks. */
  next: number;
}

/** The clusters' other parties, which fail at will. */
export interface World {
  flag: boolean;
  spireReady: boolean;
  /** Whether Cilium's pods come up, and helm gets anywhere. */
  ciliumRolls: boolean;
  /** `cilium-zero-trust-values`. */
  values: boolean | undefined;
  /** What helm is at: with the values that it read. */
  upgrade: boolean | undefined;
  /** With which values helm has upgraded last. */
  released: boolean;
  /** Whether Cilium's pods run what their workloads say. */
  rolled: boolean;
  /** Whether the policies in the cluster demand authentication. */
  demand: boolean;
}

/**
 * A model of kustomize-controller, of helm-controller and of Cilium's workloads, in steps that may come in any order. Of kustomize-controller it has what its documentation and its
 * source say (docs/spec/v1/kustomizations.md, internal/controller/kustomization_controller.go at 1.7): a Kustomization is reconciled by one worker at a time, with what it read
 * when it began; each dependency is read from the API server when its turn comes; an expression stands in the place of the built-in check; an expression that cannot be
 * evaluated is not ready; and observedGeneration is that of the last reconciliation that ended ready. The expressions are those of the tree, in a CEL of npm's.
 */
export class Model {
  private readonly kustomizations = new Map<string, Kustomization>();
  private readonly runs = new Map<string, Run>();
  private readonly names: readonly string[];
  private applying: string[] = [];
  private applyingFlag = false;

  constructor(
    private readonly files: readonly RenderedFile[],
    readonly world: World,
    private readonly additive = false,
  ) {
    this.names = files
      .filter(({ path }) => /^flux\/(?!kustomization)/.test(path))
      .map(({ path }) => path.replace(/^flux\/(.*)\.yaml$/, "zero-trust-$1"));
  }

  /** Everything that could happen next. */
  steps(): (() => void)[] {
    return [
      ...(this.applying.length > 0
        ? [...this.applying.map((name) => () => this.applyChild(name)), () => this.giveUp()]
        : [() => this.readSettings()]),
      ...[...this.kustomizations.keys()].map((name) => () => this.advance(name)),
      () => this.helm(),
      () => this.roll(),
    ];
  }

  /** Lets everybody do what there is to do, in turn, until it is done. */
  settle(): void {
    for (let round = 0; round < 8; round++) {
      if (this.applying.length === 0) this.readSettings();
      for (const name of [...this.applying]) this.applyChild(name);
      for (const name of this.names) this.run(name);
      for (let i = 0; i < 2; i++) this.helm();
      this.roll();
    }
  }

  /** Takes a reconciliation that has begun to its end, and makes another one. */
  run(name: string): void {
    while (this.runs.has(name)) this.advance(name);
    do this.advance(name);
    while (this.runs.has(name));
  }

  /** helm-controller's next step. It reports that it is at it from when it reads its values on. */
  helm(): void {
    const { world } = this;
    if (world.upgrade !== undefined) {
      if (!world.ciliumRolls) return;
      world.released = world.upgrade;
      world.rolled = false;
      world.upgrade = undefined;
    } else if (world.values !== undefined && world.values !== world.released) world.upgrade = world.values;
  }

  roll(): void {
    if (this.world.ciliumRolls) this.world.rolled = true;
  }

  /** The parent ends before it is done. */
  giveUp(): void {
    this.applying = [];
  }

  /** The parent begins: with the flag as it is now, and its children to be applied, in an order that nobody promises. */
  readSettings(): void {
    this.applyingFlag = this.world.flag;
    this.applying = [...this.names];
  }

  applyChild(name: string): void {
    this.applying = this.applying.filter((other) => other !== name);
    const file = this.files.find(({ path }) => `flux/${name.replace(/^zero-trust-/, "")}.yaml` === path);
    if (!file) throw new Error(`no ${name} in the tree`);
    const spec = substituted(file, this.applyingFlag);
    const known = this.kustomizations.get(name);
    if (!known) {
      const status = { observedGeneration: -1, conditions: [] };
      this.kustomizations.set(name, { metadata: { name, generation: 1 }, spec, status });
    } else if (known.spec !== spec) {
      known.spec = spec;
      known.metadata.generation++;
    }
  }

  private advance(name: string): void {
    const object = this.kustomizations.get(name);
    if (!object) return;
    const run = this.runs.get(name);
    if (!run) {
      this.runs.set(name, { spec: object.spec, generation: object.metadata.generation, next: 0 });
      return;
    }
    const dependencies = run.spec.dependsOn ?? [];
    const dependency = dependencies[run.next];
    if (dependency) {
      if (this.isReady(dependency, object, run)) run.next++;
      else this.end(object, "False");
    } else if (run.next === dependencies.length) {
      setReady(object, "Unknown");
      this.apply(name, run.spec.path);
      run.next++;
    } else if (this.isHealthy(name, run.spec)) {
      object.status.observedGeneration = run.generation;
      this.end(object, "True");
    } else {
      this.end(object, "False");
    }
  }

  private end(object: Kustomization, status: string): void {
    setReady(object, status);
    this.runs.delete(object.metadata.name);
  }

  private isReady(
    { name, readyExpr }: { name: string; readyExpr?: string },
    { metadata, status }: Kustomization,
    { spec }: Run,
  ): boolean {
    const dep = this.kustomizations.get(name);
    if (!dep) return false;
    const builtIn =
      dep.metadata.generation === dep.status.observedGeneration &&
      dep.status.conditions.some((condition) => condition.type === "Ready" && condition.status === "True");
    if (readyExpr === undefined) return builtIn;
    return holds(readyExpr, { self: { metadata, spec, status }, dep }) && (!this.additive || builtIn);
  }

  private apply(name: string, path: string): void {
    const flag = path.endsWith("/authn-true");
    if (name === "zero-trust-cilium") this.world.values = flag;
    if (name === "zero-trust-policies") this.world.demand = flag;
  }

  private isHealthy(name: string, { healthChecks = [], healthCheckExprs = [] }: Spec): boolean {
    if (name === "zero-trust-spire") return this.world.spireReady;
    return healthChecks.every((check) => {
      const live = this.live(check);
      const { generation } = live["metadata"] as { generation?: number };
      const { observedGeneration } = live["status"] as { observedGeneration?: number };
      // What every expression comes after (fluxcd/pkg runtime/cel/status_evaluator.go).
      if (observedGeneration !== undefined && observedGeneration !== generation) return false;
      const current = healthCheckExprs.find(({ kind }) => kind === check.kind)?.current;
      return current !== undefined && holds(current, live);
    });
  }

  /** Objects as the API server has them. */
  private live({ kind, name }: { kind: string; name: string }): Record<string, unknown> {
    const { upgrade, released, rolled, demand } = this.world;
    const condition = (type: string, is: boolean) => ({ type, status: is ? "True" : "False" });
    const volumes = released ? [{ name: "spire-agent-socket" }] : [{ name: "tmp" }];
    const spec = { replicas: 2, template: { spec: { volumes } } };
    const n = rolled ? 2 : 1;
    switch (kind) {
      case "Kustomization":
        return { ...(this.kustomizations.get(name) ?? { metadata: {}, status: {} }) };
      case "HelmRelease":
        return {
          metadata: {},
          status: {
            conditions: [condition("Ready", upgrade === undefined), condition("Reconciling", upgrade !== undefined)],
          },
        };
      case "DaemonSet":
        return {
          metadata: {},
          spec,
          status: { desiredNumberScheduled: 2, updatedNumberScheduled: n, numberAvailable: n },
        };
      case "Deployment":
        return { metadata: {}, spec, status: { updatedReplicas: n, availableReplicas: n } };
      default:
        return {
          metadata: {},
          specs: [{ ingress: [demand ? { authentication: { mode: "required" } } : {}] }, { ingress: [{}] }],
          status: { conditions: [condition("Valid", !demand || released)] },
        };
    }
  }
}

function setReady({ status }: Kustomization, value: string): void {
  status.conditions = [{ type: "Ready", status: value }];
}

const parsed = new Map<string, ReturnType<typeof parse>>();

/** What cannot be evaluated does not hold. */
function holds(expression: string, context: object): boolean {
  try {
    const evaluate = parsed.get(expression) ?? parse(expression);
    parsed.set(expression, evaluate);
    return evaluate(context) === true;
  } catch {
    return false;
  }
}

const specs = new Map<string, Spec>();

/** What the parent makes of a child's file. */
function substituted({ content }: RenderedFile, flag: boolean): Spec {
  const text = content.replaceAll("${CILIUM_AUTHN_ENABLED:=false}", String(flag));
  const spec = specs.get(text) ?? (load(text) as { spec: Spec }).spec;
  specs.set(text, spec);
  return spec;
}
