import * as pulumi from "@pulumi/pulumi";
import { types } from "../components/types";
import type { Previous, RolloutState } from "../core/rollout/state";

/**
 * The state that an update goes to, and the one that it comes from. It owns no object: it is how a preview shows the phases that change, and how the
 * policy pack learns what was before, which the engine does not tell it.
 */
export class Rollout extends pulumi.ComponentResource {
  /** @param previous an output and not an argument, so that an update that changes nothing shows no change */
  constructor(name: string, args: RolloutState, previous: Previous, options?: pulumi.ComponentResourceOptions) {
    super(types.Rollout, name, args, options);
    this.registerOutputs({ previous });
  }
}
