import * as pulumi from "@pulumi/pulumi";
import { registerObjects } from "../register";
import { types } from "../types";
import { ciliumAuthObjects, ciliumRelease } from "./objects";
import { ciliumValues, type CiliumAuthArgs, type CiliumValues } from "./values";

/**
 * Cilium's authentication, on or off by one flag: the part of its chart's values that decides it, delivered as a ConfigMap that a Flux HelmRelease
 * reads, in a Helm release of our own, or as an output for whoever installs Cilium.
 *
 * Where it goes on, it comes after SPIRE. Where it goes off, it comes after the policies that demanded authentication: a `dependsOn` that was right on the way on is wrong then, and `plan` turns it.
 *
 * @example
 * const ciliumAuth = new CiliumAuth("cilium-auth", {
 *   enabled: true,
 *   delivery: "flux",
 *   releaseNamespace: "kube-system",
 *   spire: {
 *     serverAddress: spire.serverAddress,
 *     trustDomain: "apps.zt.internal",
 *     adminSocketPath: "/run/spire/sockets/admin.sock",
 *     agentSocketPath: "/run/spire/sockets/agent/agent.sock",
 *   },
 * }, { provider, dependsOn: spire });
 */
export class CiliumAuth extends pulumi.ComponentResource {
  /** The values for Cilium's chart. */
  public readonly values: CiliumValues;
  /** True once the values are delivered, which with `none` is at once. Cilium rolls after that. */
  public readonly ready: pulumi.Output<boolean>;

  constructor(name: string, args: CiliumAuthArgs, options?: pulumi.ComponentResourceOptions) {
    super(types.CiliumAuth, name, args, options);
    this.values = ciliumValues(args);
    const release = ciliumRelease(name, args);
    this.ready = registerObjects(this, ciliumAuthObjects(name, args), {}, release).ready;
    this.registerOutputs({ values: this.values, ready: this.ready });
  }
}
