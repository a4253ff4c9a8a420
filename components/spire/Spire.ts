import * as pulumi from "@pulumi/pulumi";
import { registerObjects, type WaitFor } from "../register";
import { types } from "../types";
import { spireObjects } from "./objects";
import type { SpireArgs } from "./settings";
import { serverAddress } from "../../core/schema/spireNames";

/**
 * SPIRE on one cluster: the server with its controller-manager, an agent on every node, their configuration and rights, and the three registration
 * entries by which Cilium takes part.
 *
 * @example
 * const spire = new Spire("spire", {
 *   install: "managed",
 *   trustDomain: "apps.zt.internal",
 *   clusterName: "apps",
 *   agentNamespace: "spire",
 *   ciliumNamespace: "kube-system",
 *   version: "1.15.3",
 *   images: { pullPolicy: "IfNotPresent" },
 *   replicas: 1,
 *   datastore: { type: "sqlite3" },
 *   upstreamAuthority: {},
 *   keyManager: {},
 *   workloads: [],
 *   entries: [],
 *   admissionPolicy: true,
 *   skipKubeletVerification: false,
 *   storage: { size: "1Gi" },
 *   ttl: { ca: "168h", agent: "4h", x509Svid: "4h", jwtSvid: "5m" },
 * }, { provider });
 */
export class Spire extends pulumi.ComponentResource {
  /** `<service>.<namespace>.svc:<port>`, for Cilium. */
  public readonly serverAddress: string = serverAddress;
  /** True once server and agents are ready. */
  public readonly ready: pulumi.Output<boolean>;
  /** What it has registered, by name. */
  public readonly resources: ReadonlyMap<string, pulumi.Resource>;

  /** @param waitFor what has to come about after an object of it, beside what the provider waits for */
  constructor(name: string, args: SpireArgs, options?: pulumi.ComponentResourceOptions, waitFor?: WaitFor) {
    super(types.Spire, name, args, options);
    const { ready, resources } = registerObjects(this, spireObjects(name, args), options, undefined, waitFor);
    this.ready = ready;
    this.resources = resources;
    this.registerOutputs({ serverAddress: this.serverAddress, ready: this.ready });
  }
}
