import { values, withCilium, withConfig, withProvider } from "../changes";
import type { Claims } from "./claim";

/** The cluster, and what Cilium is there. */
export const cluster: Claims = {
  "pinned-cluster": {
    catches: [
      {
        what: "a default provider",
        change: withProvider({ name: "default_4_34_2", context: undefined, identity: undefined }),
        says: /Provider default_4_34_2 is a default provider/,
      },
      { what: "another context", change: withProvider({ context: "infra" }), says: /context is "infra"; write "apps"/ },
      { what: "no context", change: withProvider({ context: undefined }), says: /context is missing/ },
      { what: "no identity", change: withProvider({ identity: undefined }), says: /clusterIdentifier is missing/ },
    ],
  },
  "cilium-version": {
    catches: [
      {
        what: "the version that drops mutual authentication",
        change: withCilium("1.21.0"),
        says: /is 1\.21\.0; write a version of 1\.18, 1\.19, 1\.20/,
      },
      { what: "a version that is too old", change: withCilium("1.17.9"), says: /is 1\.17\.9/ },
      {
        what: "a version that lacks a repair",
        change: withCilium("1.19.3"),
        says: /peer's certificate/,
        verdict: "warn",
      },
      {
        what: "the version that deprecates mutual authentication",
        change: withCilium("1.20.2"),
        says: /the last with mutual authentication/,
        verdict: "warn",
      },
    ],
  },
  "no-clustermesh": {
    silentWhileOff: true,
    catches: [
      {
        what: "a mesh that the configuration knows of",
        change: withConfig("cluster.cilium.clusterMesh=true"),
        says: /clusterMesh is true; write false/,
      },
      {
        what: "a mesh in the values",
        change: values('"authentication"', '"clustermesh":{"useAPIServer":true},"authentication"'),
        says: /clustermesh\.useAPIServer is true/,
      },
      {
        what: "clusters in the values",
        change: values('"authentication"', '"clustermesh":{"config":{"enabled":true}},"authentication"'),
        says: /clustermesh\.config\.enabled is true/,
      },
    ],
  },
};
