import * as pulumi from "@pulumi/pulumi";
import { registerObjects } from "../../register";
import { types } from "../../types";
import { istioAuthPolicyObjects, type IstioAuthPolicyArgs } from "./policies";

/**
 * Who may call the workloads of one namespace whose pods have Istio's sidecars, as AuthorizationPolicies and PeerAuthentications: in `observe` nobody is denied, in
 * `allow` workloads are told by their certificates, in `require` plain text is not served.
 *
 * @example
 * new IstioAuthPolicy("access-orders", {
 *   namespace: "orders",
 *   phase: "require",
 *   trustDomain: "apps.zt.internal",
 *   intents: [{
 *     name: "api",
 *     target: { namespace: "orders", selector: { app: "api" } },
 *     port: 8080,
 *     callers: [{ namespace: "web", serviceAccount: "frontend" }],
 *   }],
 * }, { provider });
 */
export class IstioAuthPolicy extends pulumi.ComponentResource {
  /** True once the policies are in the cluster. */
  public readonly ready: pulumi.Output<boolean>;

  constructor(name: string, args: IstioAuthPolicyArgs, options?: pulumi.ComponentResourceOptions) {
    super(types.IstioAuthPolicy, name, args, options);
    this.ready = registerObjects(this, istioAuthPolicyObjects(name, args)).ready;
    this.registerOutputs({ ready: this.ready });
  }
}
