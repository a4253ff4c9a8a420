import * as pulumi from "@pulumi/pulumi";
import { registerObjects } from "../../register";
import { types } from "../../types";
import { ciliumAuthPolicyObjects, type CiliumAuthPolicyArgs } from "./policies";

/**
 * Who may call the workloads of one namespace, as CiliumNetworkPolicies: in `observe` they deny nothing, in `allow` they admit workloads by their
 * labels and others by their address, in `require` workloads must also authenticate. (There is no resource of this kind in Cilium.)
 *
 * In `require` it comes after a Cilium that authenticates already, on every node: before, new connections are dropped. `plan` holds a namespace in `allow` until then, and changes its policies first on the way
 * off; composed by hand, both are yours to do.
 *
 * @example
 * const policy = new CiliumAuthPolicy("access-orders", {
 *   namespace: "orders",
 *   phase: "require",
 *   intents: [{
 *     name: "api",
 *     target: { namespace: "orders", selector: { app: "api" } },
 *     port: 8080,
 *     callers: [{ namespace: "web", serviceAccount: "frontend" }],
 *   }],
 * }, { provider, dependsOn: ciliumAuth });
 */
export class CiliumAuthPolicy extends pulumi.ComponentResource {
  /** True once the policies are in the cluster. */
  public readonly ready: pulumi.Output<boolean>;

  constructor(name: string, args: CiliumAuthPolicyArgs, options?: pulumi.ComponentResourceOptions) {
    super(types.CiliumAuthPolicy, name, args, options);
    this.ready = registerObjects(this, ciliumAuthPolicyObjects(name, args)).ready;
    this.registerOutputs({ ready: this.ready });
  }
}
