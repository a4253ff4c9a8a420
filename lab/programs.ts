import { fakeNode } from "./fakeNodes";
import { authorityFile, type User } from "./files";
import { nodeNetwork, services } from "./nodes/network";
import type { Start } from "./processes";

/** A program and its arguments; the path and version of the program are the caller's. */
type Call = Pick<Start, "args" | "ready"> & { readonly name: string };

/** The address that the API server writes into the Service `kubernetes`: one for documentation (RFC 5737), where nobody answers. It may not be loopback, and no pod runs that would call it. */
const unreachable = "192.0.2.1";
const issuer = "https://kubernetes.default.svc";

/**
 * etcd and the API server, which real nodes reach at the gateway of their network. They meet at a socket in the lab's directory, so that nobody else reaches etcd, which asks for no password. etcd has a socket where others have
 * `host:port`, a file of that name.
 */
export function serverPrograms(port: number, realNodes: boolean): Call[] {
  const [clients, peers] = ["unix://etcd:1", "unix://etcd:2"];
  const server = `https://127.0.0.1:${port}`;
  return [
    {
      name: "etcd",
      args: [
        "--data-dir=etcd",
        // The data is thrown away with the machine's memory, or before.
        "--unsafe-no-fsync",
        ...[`--listen-client-urls=${clients}`, `--advertise-client-urls=${clients}`],
        ...[`--listen-peer-urls=${peers}`, `--initial-advertise-peer-urls=${peers}`],
        `--initial-cluster=default=${peers}`,
      ],
      // The API server says so for it: this answer is for everybody, and covers etcd.
      ready: `${server}/readyz`,
    },
    {
      name: "kube-apiserver",
      args: [
        `--etcd-servers=${clients}`,
        ...(realNodes
          ? ["--bind-address=0.0.0.0", `--advertise-address=${nodeNetwork.gateway}`]
          : ["--bind-address=127.0.0.1", `--advertise-address=${unreachable}`]),
        `--secure-port=${port}`,
        ...["--tls-cert-file=apiserver.crt", "--tls-private-key-file=apiserver.key"],
        ...[`--client-ca-file=${authorityFile}`, "--token-auth-file=tokens.csv"],
        ...["--authorization-mode=Node,RBAC", "--enable-admission-plugins=NodeRestriction"],
        ...["--kubelet-preferred-address-types=InternalIP", `--kubelet-certificate-authority=${authorityFile}`],
        ...["--kubelet-client-certificate=kubelet-client.crt", "--kubelet-client-key=kubelet-client.key"],
        `--service-account-issuer=${issuer}`,
        ...[
          "--service-account-key-file=service-accounts.pub",
          "--service-account-signing-key-file=service-accounts.key",
        ],
        `--service-cluster-ip-range=${services.range}`,
        // SPIRE's and Cilium's agents are privileged.
        "--allow-privileged=true",
        ...["--audit-policy-file=audit-policy.json", "--audit-log-path=audit.log"],
      ],
      ready: `${server}/readyz`,
    },
  ];
}

/**
 * What makes workloads ready: the controllers, the scheduler, and kwok in the place of kubelets and storage, for nodes and a storage class of its own alone.
 *
 * @param stages kwok's, with which it runs; without them the nodes are real
 */
export function controllerPrograms(
  kubeconfigs: Readonly<Record<User, string>>,
  stages: readonly string[] | undefined,
  ports: readonly number[],
): Call[] {
  const [managerPort, schedulerPort, kwokPort] = ports;
  const serving = (port: number | undefined) => [
    "--bind-address=127.0.0.1",
    `--secure-port=${port}`,
    "--leader-elect=false",
  ];
  return [
    {
      name: "kube-controller-manager",
      args: [
        `--kubeconfig=${kubeconfigs["kube-controller-manager"]}`,
        ...serving(managerPort),
        "--cert-dir=certificates",
        "--use-service-account-credentials=true",
        "--service-account-private-key-file=service-accounts.key",
        `--root-ca-file=${authorityFile}`,
        ...["--allocate-node-cidrs=true", `--cluster-cidr=${nodeNetwork.pods}`],
        // kwok's heartbeats come late on a busy machine, and pods that were once called not ready by this never become ready again.
        ...(stages ? ["--node-monitor-grace-period=1h"] : []),
      ],
      ready: `https://127.0.0.1:${managerPort}/healthz`,
    },
    {
      name: "kube-scheduler",
      args: [`--kubeconfig=${kubeconfigs["kube-scheduler"]}`, ...serving(schedulerPort)],
      ready: `https://127.0.0.1:${schedulerPort}/healthz`,
    },
    ...(stages ? [kwok(kubeconfigs.kwok, stages, kwokPort)] : []),
  ];
}

const kwok = (kubeconfig: string, stages: readonly string[], port: number | undefined): Call => ({
  name: "kwok",
  args: [
    `--kubeconfig=${kubeconfig}`,
    ...stages.map((file) => `--config=${file}`),
    "--manage-all-nodes=false",
    `--manage-nodes-with-annotation-selector=${fakeNode}=fake`,
    `--server-address=127.0.0.1:${port}`,
  ],
  ready: `http://127.0.0.1:${port}/healthz`,
});
