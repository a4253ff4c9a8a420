import * as z from "zod";
import { phases } from "../schema/schema";

/**
 * What is to be said of a live namespace before it is marked.
 *
 * - `ours`: its marks may be written, or are there already
 * - `git`: Flux or Argo CD keeps it, and it has to be marked there
 * - `marked`: it is kept elsewhere, or taken into the mesh in another way, and marked
 * - `missing`: there is no such namespace
 */
export const namespaceStates = ["ours", "git", "marked", "missing"] as const;
export type NamespaceState = (typeof namespaceStates)[number];

/**
 * How far Cilium is with authentication: `off` by its configuration, `rolling` while some of its pods may not run it yet, `on` once all do.
 */
export const ciliumStates = ["off", "rolling", "on"] as const;
export type CiliumState = (typeof ciliumStates)[number];

const recorded = z.object({
  auth: z.boolean(),
  trustDomain: z.string(),
  /** What is in force. */
  phases: z.record(z.string(), z.enum(phases)),
  /** What a namespace may go back to without another step, though it is not in force while authentication is off. Missing as `objects` is. */
  earned: z.record(z.string(), z.enum(phases)).exactOptional(),
  /** How many times authentication was turned off. Missing as `objects` is. */
  offs: z.int().exactOptional(),
  /** SPIRE's version, where it is of this stack. */
  spire: z.string().exactOptional(),
  /** What of SPIRE is chosen once, as choicesOf has it. Missing as `objects` is. */
  choices: z.record(z.string(), z.string()).exactOptional(),
  /** The trust domains with which SPIRE federates, and the bundle that it began with; empty where it needed none. */
  federated: z.record(z.string(), z.string()).exactOptional(),
  /** The roots of Linkerd: all of them, and which one signs. */
  anchors: z.object({ trusted: z.array(z.string()), signer: z.string() }).exactOptional(),
  /** The namespaces that this program takes into another mesh than Cilium. */
  marked: z.array(z.string()).exactOptional(),
  /** Cilium's Helm release, `namespace/name`, where this stack delivers it. */
  release: z.string().exactOptional(),
  /** Of SPIRE's workloads, as fingerprintOf has it: those that have been ready. None with authentication off. */
  workloads: z.string().exactOptional(),
  /** As recordOf writes it. Missing in what an earlier version of this program left. */
  objects: z.object({ policies: z.record(z.string(), z.string()), others: z.string() }).exactOptional(),
});

/** What a finished update leaves behind, as the stack output `rollout`. */
export type RolloutState = Readonly<z.output<typeof recorded>>;

const known = z.object({
  state: recorded.exactOptional(),
  cilium: z.enum(ciliumStates).exactOptional(),
  nodes: z.int().exactOptional(),
  pods: z.record(z.string(), z.int()).exactOptional(),
  bundles: z.record(z.string(), z.string()).exactOptional(),
  namespaces: z.record(z.string(), z.enum(namespaceStates)).exactOptional(),
});

/**
 * What is known before an update: nothing on the first run.
 *
 * - `state`: the last finished update
 * - `cilium`: how far Cilium is with authentication
 * - `nodes`: on how many Cilium runs
 * - `pods`: how many run in a namespace that is to skip phases
 * - `bundles`: those of the trust domains that other stacks deploy, as those stacks have them
 * - `namespaces`: which may be taken into another mesh than Cilium by this program
 */
export type Previous = Readonly<z.output<typeof known>>;

/** The state in a stack output; undefined for none, and for one that this version cannot read. */
export function readState(output: unknown): RolloutState | undefined {
  return recorded.safeParse(output).data;
}

/** What the program knew, as its component Rollout tells it; undefined where there is no such component. */
export function readPrevious(output: unknown): Previous | undefined {
  return known.safeParse(output).data;
}
