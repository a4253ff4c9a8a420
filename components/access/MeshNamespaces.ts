import * as pulumi from "@pulumi/pulumi";
import { registerObjects } from "../register";
import { types } from "../types";
import { meshNamespaceObjects, type MeshNamespacesArgs } from "./meshMarks";

/**
 * Namespaces whose pods are taken into a mesh: the labels or annotations for that, on namespaces that somebody else has made. They stay when this goes.
 *
 * @example
 * new MeshNamespaces("mesh", { namespaces: ["orders"], marks: { labels: { "istio-injection": "enabled" } } }, { provider });
 */
export class MeshNamespaces extends pulumi.ComponentResource {
  /** True once all of them are marked. Pods are in the mesh after that: with sidecars and proxies those that start then. */
  public readonly ready: pulumi.Output<boolean>;

  constructor(name: string, args: MeshNamespacesArgs, options?: pulumi.ComponentResourceOptions) {
    super(types.MeshNamespaces, name, args, options);
    this.ready = registerObjects(this, meshNamespaceObjects(name, args)).ready;
    this.registerOutputs({ ready: this.ready });
  }
}
