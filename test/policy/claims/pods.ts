import { agents, both, csi, images, onAws, pod, withChanged, withConfig, withObject, workload } from "../changes";
import type { Claims } from "./claim";

/** SPIRE's pods and rights, and everybody's images. */
export const pods: Claims = {
  "least-privilege": {
    catches: [
      {
        what: "nodes/proxy",
        change: withChanged("ClusterRole", "spire-agent", (json) => json.replace("nodes/pods", "nodes/proxy")),
        says: /nodes\/proxy/,
      },
      {
        what: "a wildcard verb",
        change: withChanged("Role", "spire-server", (json) => json.replace('"create"', '"*"')),
        says: /wildcard/,
      },
      ...(
        [
          ["commands in pods", "pods/exec", /has pods\/exec; remove it/],
          ["the agents' tokens", "serviceaccounts/token", /who mints the agents' tokens attests as a node/],
        ] as const
      ).map(([what, resource, says]) => ({
        what,
        change: withChanged("ClusterRole", "spire-agent", (json) => json.replace("nodes/pods", resource)),
        says,
      })),
      {
        what: "a right to give rights",
        change: withChanged("ClusterRole", "spire-server", (json) => json.replace('"create"', '"impersonate"')),
        says: /verbs has impersonate, which gives any right/,
      },
      {
        what: "a wildcard group",
        change: withChanged("ClusterRole", "spire-agent", (json) =>
          json.replace('"apiGroups":[""]', '"apiGroups":["*"]'),
        ),
        says: /has a wildcard/,
      },
      {
        what: "a role that may do everything",
        change: withChanged("ClusterRoleBinding", "spire-agent", (json) =>
          json.replace('"kind":"ClusterRole","name":"spire-agent"', '"kind":"ClusterRole","name":"cluster-admin"'),
        ),
        says: /ClusterRoleBinding spire-agent roleRef\.name is cluster-admin/,
      },
      {
        what: "a wildcard resource",
        change: withChanged("ClusterRole", "spire-server", (json) => json.replace('"nodes"', '"*"')),
        says: /wildcard/,
      },
    ],
  },
  "pod-security": {
    catches: [
      ...(
        [
          ["a server that may be root", '"runAsNonRoot":true', '"runAsNonRoot":false', /runAsNonRoot is false/],
          ["a server with a capability", '"drop":["ALL"]', '"drop":["NET_RAW"]', /capabilities is/],
          [
            "a server that may gain rights",
            '"allowPrivilegeEscalation":false',
            '"x":1',
            /allowPrivilegeEscalation is missing/,
          ],
          ["a server without seccomp", '"RuntimeDefault"', '"Unconfined"', /seccompProfile\.type is "Unconfined"/],
          [
            "a server on the host's network",
            '"containers":',
            '"hostNetwork":true,"containers":',
            /hostNetwork is true; remove it/,
          ],
          [
            "a server with a directory of the host",
            '"emptyDir":{}',
            '"hostPath":{"path":"/var/run"}',
            /mount \/var\/run of the host/,
          ],
          [
            "two users in one pod",
            '"readOnlyRootFilesystem":true',
            '"readOnlyRootFilesystem":true,"runAsUser":0',
            /run all containers as one user/,
          ],
        ] as const
      ).map(([what, from, to, says]) => ({
        what,
        change: withChanged("StatefulSet", "spire-server", (json) => json.replace(from, to)),
        says,
      })),
      {
        what: "a privileged agent",
        change: agents('"allowPrivilegeEscalation":false', '"allowPrivilegeEscalation":false,"privileged":true'),
        says: /privileged is true/,
      },
      {
        what: "an agent with another directory",
        change: agents('"path":"/run/spire/sockets"', '"path":"/etc"'),
        says: /mount \/etc of the host/,
      },
      {
        what: "an agent with another directory than the one in which it keeps what it is",
        change: onAws(agents('"path":"/var/lib/spire/agent"', '"path":"/var/lib"')),
        says: /mount \/var\/lib of the host; only agents may, below \/run\/spire, or \/var\/lib\/spire\/agent/,
      },
      {
        what: "an agent with the host's IPC",
        change: agents('"hostPID":true', '"hostPID":true,"hostIPC":true'),
        says: /hostIPC is true/,
      },
      ...(
        [
          [
            "a CSI driver with the host's processes",
            '"containers":',
            '"hostPID":true,"containers":',
            /DaemonSet spire\/spiffe-csi-driver hostPID is true; remove it/,
          ],
          [
            "a CSI driver with all that is the kubelet's",
            '"path":"/var/lib/kubelet/pods"',
            '"path":"/var/lib/kubelet"',
            /mount \/var\/lib\/kubelet of the host; the CSI driver may mount \/var\/lib\/kubelet\/pods, /,
          ],
          [
            "a privileged registrar beside it",
            '"allowPrivilegeEscalation":false',
            '"privileged":true',
            /containers\[csi-node-driver-registrar\]\.privileged is true/,
          ],
          [
            "another container beside it that is privileged",
            '"name":"spiffe-csi-driver","image"',
            `"name":"shell","image":"shell@sha256:${"0".repeat(64)}","securityContext":{"privileged":true}},{"name":"spiffe-csi-driver","image"`,
            /containers\[shell\]\.privileged is true/,
          ],
        ] as const
      ).map(([what, from, to, says]) => ({ what, change: csi(from, to), says })),
      {
        what: "an agent with the kubelet's directories",
        change: agents('"path":"/run/spire/sockets"', '"path":"/var/lib/kubelet/pods"'),
        says: /mount \/var\/lib\/kubelet\/pods of the host; only agents may, below \/run\/spire/,
      },
      {
        what: "a namespace that refuses its agents",
        change: withChanged("Namespace", "spire", (json) => json.replace(/"privileged"/, '"restricted"')),
        says: /Namespace spire metadata\.labels.* is "restricted"; write "privileged"/,
      },
      {
        what: "a privileged namespace without agents",
        change: agents('"namespace":"spire"', '"namespace":"spire-agents"'),
        also: ["node-attestation"],
        says: /Namespace spire metadata\.labels\["pod-security\.kubernetes\.io\/enforce"\] is "privileged"; write "restricted"/,
      },
    ],
    passes: [["a CSI driver", csi()]],
  },
  "images-pinned": {
    catches: [
      {
        what: "the tag latest",
        change: images(/:1.*(?=")/, ":latest"),
        says: /DaemonSet spire\/spire-agent container spire-agent has .*:latest, a tag that moves; set spire\.images\.agent/,
      },
      { what: "the tag latest beside a digest", change: images("1.15.3", "latest"), says: /a tag that moves/ },
      { what: "no tag and no digest", change: images(/:1.*(?=")/, ""), says: /without a version or digest/ },
      { what: "what is no image", change: images("ghcr.io/spiffe", "GHCR.io//"), says: /no reference/ },
      { what: "no image at all", change: agents('"image"', '"was"'), says: /has the image none/ },
      {
        what: "a version without a digest",
        change: images(/@.*(?=")/, ""),
        says: /1\.15\.3 without a digest; run npm run pin -- ghcr\.io\/spiffe\/spire-agent:1\.15\.3, or set spire\.images\.agent/,
        verdict: "warn",
      },
      {
        what: "a version without a digest where digests are required",
        change: both(withConfig("spire.images.requireDigests=true"), images(/@.*(?=")/, "")),
        says: /without a digest/,
      },
      {
        what: "an init container",
        change: agents('"containers"', '"initContainers":[{"name":"wait","image":"wait-for-it:latest"}],"containers"'),
        also: ["pod-security"],
        says: /init container wait has wait-for-it:latest, a tag that moves; write wait-for-it:<version>/,
      },
      {
        what: "another program's image without a digest",
        change: withObject(workload("Pod", { containers: [{ name: "main", image: "busybox:1.36" }] })),
        says: /has busybox:1\.36 without a digest; write busybox:1\.36@sha256:<digest>/,
        verdict: "warn",
      },
      { what: "a Pod", change: withObject(workload("Pod", pod)), says: /Pod jobs\/extra container main has busybox/ },
      {
        what: "a CronJob",
        change: withObject(workload("CronJob", { jobTemplate: { spec: { template: { spec: pod } } } })),
        says: /CronJob jobs\/extra container main/,
      },
    ],
    passes: [
      ["a digest without a version", images(":1.15.3", "")],
      ["a registry with a port", images("ghcr.io", "registry.corp:5000")],
      ["a digest for every image where digests are required", withConfig("spire.images.requireDigests=true")],
    ],
  },
};
