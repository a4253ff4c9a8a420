import { Provider } from "@pulumi/kubernetes";
import type { StackConfig } from "./config/schema";

/**
 * The one provider of a stack. It names its cluster, so that the kubeconfig's current context does not matter, and updates ConfigMaps and Secrets in
 * place: otherwise a change of a named one deletes it first.
 */
export function clusterProvider({ name, context, identity }: StackConfig["cluster"]): Provider {
  return new Provider(name, {
    context,
    clusterIdentifier: identity,
    enableConfigMapMutable: true,
    enableSecretMutable: true,
    enableServerSideApply: true,
  });
}
