// Of the whole package, whose types are large, the types of this one need no more.
import { Provider } from "@pulumi/kubernetes/provider";
import type { StackConfig } from "../core/schema/schema";

/**
 * The one provider of a stack. It names its cluster, so that the kubeconfig's current context does not matter, and updates ConfigMaps and Secrets in
 * place: otherwise a change of a named one deletes it first. Its own name never changes: under another provider every object is replaced.
 */
export function clusterProvider({ context, identity }: StackConfig["cluster"]): Provider {
  return new Provider("cluster", {
    context,
    clusterIdentifier: identity,
    enableConfigMapMutable: true,
    enableSecretMutable: true,
    enableServerSideApply: true,
    // What is there already is updated: what an update made that was killed before it could record it, and what `pulumi destroy` left.
    upsertExistingObjects: true,
  });
}
