import * as pulumi from "@pulumi/pulumi";
import { registerObjects } from "../register";
import { types } from "../types";
import { certificateObjects } from "./objects";
import type { CertificatesArgs } from "./settings";

/**
 * Certificates by cert-manager: itself where it is not there already, its issuers, and the certificates of workloads.
 *
 * @example
 * new Certificates("certificates", {
 *   install: "external",
 *   namespace: "cert-manager",
 *   serviceAccount: "cert-manager",
 *   version: "1.21.2",
 *   values: {},
 *   clusterDomain: "cluster.local",
 *   issuers: { internal: { ca: { duration: "87600h" } } },
 *   workloads: [{ name: "api-tls", namespace: "orders", service: "api", issuer: "internal", dnsNames: [], organizations: [] }],
 *   approval: false,
 * }, { provider });
 */
export class Certificates extends pulumi.ComponentResource {
  /** True once cert-manager has everything. Certificates are issued after that. */
  public readonly ready: pulumi.Output<boolean>;

  constructor(name: string, args: CertificatesArgs, options?: pulumi.ComponentResourceOptions) {
    super(types.Certificates, name, args, options);
    const { objects, release } = certificateObjects(name, args);
    this.ready = registerObjects(this, objects, options, release).ready;
    this.registerOutputs({ ready: this.ready });
  }
}
