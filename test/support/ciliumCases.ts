import type { PolicyForm } from "../../components/access/cilium/policyForm";
import type { Peer } from "../../core/access/decide";
import type { Intent, Phase } from "../../core/schema/schema";
import { accessComponents } from "../../plan/planned";
import type { evaluate, Source } from "../models/ciliumPolicy";
import { configOf } from "./stacks";

type Policies = Parameters<typeof evaluate>[0];

/** How policies may be cut; those of earlier versions of this program are among them, and both at once. */
export const forms: readonly PolicyForm[] = ["whole", "perTarget", "joined", "leaving"];

/** The policies of the namespace of the first intent, as they are when they reach the cluster: in the form that they have, or in one on the way to it. */
export function policiesOf(intents: readonly Intent[], phase: Phase, form: PolicyForm = "whole", parts = 0): Policies {
  const [first] = intents;
  if (!first || phase === "off") return [];
  const { namespace } = first.target;
  const own = intents.filter(({ target }) => target.namespace === namespace);
  const objects = accessComponents(configOf("apps"), namespace, phase, own, { form, parts }).flatMap(
    (component) => component.objects,
  );
  return JSON.parse(JSON.stringify(objects.map(({ manifest }) => manifest))) as Policies;
}

/** What Cilium knows of a peer. The API server's node, and every node, may be the pod's own or another. */
export function sourcesOf(peer: Peer): Source[] {
  if (!("entities" in peer))
    return [
      {
        labels: {
          "io.kubernetes.pod.namespace": peer.namespace,
          "io.cilium.k8s.policy.serviceaccount": peer.serviceAccount,
        },
      },
    ];
  const address = peer.address === undefined ? {} : { address: peer.address };
  return ["host", "remote-node"].map((node) => ({
    reserved: peer.entities.map((entity) => (entity === "host" ? node : entity)),
    ...address,
  }));
}
