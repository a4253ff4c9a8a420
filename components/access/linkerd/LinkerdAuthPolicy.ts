import * as pulumi from "@pulumi/pulumi";
import { registerObjects } from "../../register";
import { types } from "../../types";
import { linkerdAuthPolicyObjects, type LinkerdAuthPolicyArgs } from "./policies";

/**
 * Who may call the workloads of one namespace whose pods have Linkerd's proxies, as Servers, HTTPRoutes and AuthorizationPolicies: in `observe` nobody is denied, from
 * `allow` on workloads are told by their certificates.
 *
 * @example
 * new LinkerdAuthPolicy("access-orders", {
 *   namespace: "orders",
 *   phase: "require",
 *   intents: [{
 *     name: "api",
 *     target: { namespace: "orders", selector: { app: "api" } },
 *     port: 8080,
 *     callers: [{ namespace: "web", serviceAccount: "frontend" }],
 *   }],
 * }, { provider });
 */
export class LinkerdAuthPolicy extends pulumi.ComponentResource {
  /** True once the policies are in the cluster. */
  public readonly ready: pulumi.Output<boolean>;

  constructor(name: string, args: LinkerdAuthPolicyArgs, options?: pulumi.ComponentResourceOptions) {
    super(types.LinkerdAuthPolicy, name, args, options);
    this.ready = registerObjects(this, linkerdAuthPolicyObjects(name, args)).ready;
    this.registerOutputs({ ready: this.ready });
  }
}
