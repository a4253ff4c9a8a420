import type { StackConfig } from "../core/schema/schema";
import type { Federation, Peer } from "../components/spire/settings";
import type { Previous } from "../core/rollout/state";

/**
 * With whom SPIRE federates after an update: the configured peers of which a first bundle is known, from their stack or from the last update, or which need none.
 * Where the configuration has no federation any more, nobody, but the controller-manager is still told to keep relationships as they are written, so that it takes
 * away those of before.
 */
export function federationOf({ spire }: StackConfig, previous: Previous): Federation | undefined {
  if (spire.federation === undefined)
    return Object.keys(previous.state?.federated ?? {}).length > 0
      ? { service: "ClusterIP", annotations: {}, peers: [] }
      : undefined;
  const { service, annotations } = spire.federation;
  const peers = spire.federation.with.flatMap(({ trustDomain, endpoint, profile, bundle }): Peer[] => {
    if (profile === "https_web") return [{ trustDomain, endpoint, profile: { type: profile } }];
    const first = bundle ? JSON.stringify(bundle) : lastKnown(trustDomain, previous);
    return first === undefined ? [] : [{ trustDomain, endpoint, profile: { type: profile, bundle: first } }];
  });
  return { service, annotations, peers };
}

const lastKnown = (trustDomain: string, { bundles, state }: Previous) =>
  bundles?.[trustDomain] ?? state?.federated?.[trustDomain];

/** What an update records of that; undefined where it has never been of interest. */
export function federatedBy(federation: Federation | undefined): Record<string, string> | undefined {
  if (federation === undefined || federation.peers.length === 0) return undefined;
  return Object.fromEntries(
    federation.peers.map(({ trustDomain, profile }) => [
      trustDomain,
      profile.type === "https_spiffe" ? profile.bundle : "",
    ]),
  );
}

/**
 * Of the trust domains that an identity is to know, those of which SPIRE has a bundle: an update before has made the relationship. SPIRE refuses an entry whole
 * where it has none, and its pods would be without any identity.
 */
export function knownPeers(federation: Federation | undefined, { state }: Previous): readonly string[] {
  const before = state?.federated ?? {};
  return (federation?.peers ?? []).map(({ trustDomain }) => trustDomain).filter((name) => Object.hasOwn(before, name));
}

/** What the reader of a preview should know about peers that are not there yet. */
export function peerNotes(config: StackConfig, federation: Federation | undefined, previous: Previous): string[] {
  const made = (federation?.peers ?? []).map(({ trustDomain }) => trustDomain);
  const known = knownPeers(federation, previous);
  return (config.spire.federation?.with ?? []).flatMap(({ trustDomain, stack }) => {
    if (!made.includes(trustDomain))
      return [
        `No federation with ${trustDomain} yet: the stack ${stack} has no bundle of it among its outputs. Update that one with a spire.federation of its own, then this one again`,
      ];
    const { workloads, entries } = config.spire;
    const wanted = [...workloads, ...entries].filter(({ federatesWith }) => federatesWith.includes(trustDomain));
    if (known.includes(trustDomain) || wanted.length === 0) return [];
    const names = wanted.map(({ name }) => name).join(", ");
    return [`Federation with ${trustDomain} begins; ${names} get its bundle by the next update, once SPIRE has it`];
  });
}
