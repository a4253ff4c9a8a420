import { ciliumAuthPolicyObjects, denyAllObjects } from "../../components/access/cilium";
import type { Peer } from "../../components/access/decide";
import type { Intent, Phase } from "../../components/config/schema";
import type { evaluate, Source } from "../access/ciliumPolicy";

type Policies = Parameters<typeof evaluate>[0];

/** The policies of the namespace of the first intent, as they are when they reach the cluster. */
export function policiesOf(intents: readonly Intent[], phase: Phase): Policies {
  const [first] = intents;
  if (!first || phase === "off") return [];
  const { namespace } = first.target;
  const own = intents.filter(({ target }) => target.namespace === namespace);
  const objects = [
    ...ciliumAuthPolicyObjects("access", { namespace, phase, intents: own }),
    ...(phase === "observe" ? [] : denyAllObjects("deny-all", { namespace })),
  ];
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
