import * as pulumi from "@pulumi/pulumi";
import { registerObjects } from "../../register";
import { types } from "../../types";
import { denyAllObjects, type DenyAllArgs } from "./policies";

/**
 * Closes a namespace to every caller that no allow rule admits, as earlier versions did: CiliumAuthPolicy has the default deny now. It comes after the allow rules, or it cuts off those whom they would admit.
 *
 * @example
 * new DenyAll("deny-all-orders", { namespace: "orders" }, { provider, dependsOn: policy });
 */
export class DenyAll extends pulumi.ComponentResource {
  /** True once the policy is in the cluster. */
  public readonly ready: pulumi.Output<boolean>;

  constructor(name: string, args: DenyAllArgs, options?: pulumi.ComponentResourceOptions) {
    super(types.DenyAll, name, args, options);
    this.ready = registerObjects(this, denyAllObjects(name, args)).ready;
    this.registerOutputs({ ready: this.ready });
  }
}
