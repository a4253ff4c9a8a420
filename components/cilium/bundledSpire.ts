import { bundledInitImage } from "../spire/images";
import { spire } from "../../core/schema/spireNames";

/** What can be chosen of the SPIRE in Cilium's chart. */
export interface BundledSettings {
  readonly storage: { readonly size: string; readonly className?: string | undefined };
  readonly skipKubeletVerification: boolean;
}

/** `authentication.mutual.spire.install` in the values of Cilium's chart. */
export type InstallValues =
  { readonly enabled: false } | ({ readonly enabled: true } & Readonly<Record<string, unknown>>);

/** One user for the server, for the container beside it that makes the entries through /proc, and for what both write. */
const uid = 1000;

/**
 * The values that make the SPIRE in Cilium's chart start where its defaults do not: SPIRE 1.10 and later is not root, so it can open neither its volume nor
 * the host's directory for its socket (cilium#40533), and with another user in one container alone the entries are never made (cilium#45045). Its agents
 * tolerate every taint, as Cilium's do (cilium#27228).
 */
export function bundledSpireValues({ storage, skipKubeletVerification }: BundledSettings): InstallValues {
  return {
    enabled: true,
    namespace: spire.namespace,
    existingNamespace: true,
    agent: { skipKubeletVerification, tolerations: [{ operator: "Exists" }] },
    server: {
      podSecurityContext: { runAsUser: uid, runAsGroup: uid, fsGroup: uid },
      initContainers: [
        {
          name: "socket-directory",
          image: bundledInitImage(),
          command: ["chown", `${uid}:${uid}`, "/sockets"],
          securityContext: { runAsUser: 0, runAsGroup: 0 },
          volumeMounts: [{ name: "spire-server-socket", mountPath: "/sockets" }],
        },
      ],
      dataStorage: {
        enabled: true,
        size: storage.size,
        ...(storage.className === undefined ? {} : { storageClass: storage.className }),
      },
    },
  };
}

/** What the flag destroys with the SPIRE in Cilium's chart: all of templates/spire hangs on `spire.enabled`. */
export const bundledSpireNote =
  "SPIRE is part of Cilium's release: turning auth off deletes its server, agents, accounts, rights and registration entries, and turning it on makes them anew " +
  `on the volume ${spire.namespace}/spire-data-spire-server-0, which stays. With spire.install managed nothing is deleted.`;
