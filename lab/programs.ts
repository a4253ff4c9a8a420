import { fakeNode } from "./fakeNodes";
import { serverCertificate, type User } from "./files";
import type { Start } from "./processes";

/** A program and its arguments; the path and version of the program are the caller's. */
type Call = Pick<Start, "args" | "ready"> & { readonly name: string };

/** The address that the API server writes into the Service `kubernetes`: one for documentation (RFC 5737), where nobody answers. It may not be loopback, and no pod runs that would call it. */
const advertised = "192.0.2.1";
const issuer = "https://kubernetes.default.svc";

/**
 * etcd and the API server. They meet at a socket in the lab's directory, so that nobody else reaches etcd, which asks for no password. etcd has a socket where others have
 * `host:port`, a file of that name.
 */
export function serverPrograms(port: number): Call[] {
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
        ...["--bind-address=127.0.0.1", `--secure-port=${port}`, `--advertise-address=${advertised}`],
        "--cert-dir=certificates",
        ...["--token-auth-file=tokens.csv", "--authorization-mode=RBAC"],
        `--service-account-issuer=${issuer}`,
        ...[
          "--service-account-key-file=service-accounts.pub",
          "--service-account-signing-key-file=service-accounts.key",
        ],
        "--service-cluster-ip-range=10.96.0.0/16",
        // SPIRE's and Cilium's agents are privileged.
        "--allow-privileged=true",
        ...["--audit-policy-file=audit-policy.json", "--audit-log-path=audit.log"],
      ],
      ready: `${server}/readyz`,
    },
  ];
}

/** What makes workloads ready: the controllers, the scheduler, and kwok in the place of kubelets and storage, for nodes and a storage class of its own alone. */
export function controllerPrograms(
  kubeconfigs: Readonly<Record<User, string>>,
  stages: readonly string[],
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
        `--root-ca-file=${serverCertificate}`,
        // kwok's heartbeats come late on a busy machine, and pods that were once called not ready by this never become ready again.
        "--node-monitor-grace-period=1h",
      ],
      ready: `https://127.0.0.1:${managerPort}/healthz`,
    },
    {
      name: "kube-scheduler",
      args: [`--kubeconfig=${kubeconfigs["kube-scheduler"]}`, ...serving(schedulerPort)],
      ready: `https://127.0.0.1:${schedulerPort}/healthz`,
    },
    {
      name: "kwok",
      args: [
        `--kubeconfig=${kubeconfigs.kwok}`,
        ...stages.map((file) => `--config=${file}`),
        "--manage-all-nodes=false",
        `--manage-nodes-with-annotation-selector=${fakeNode}=fake`,
        `--server-address=127.0.0.1:${kwokPort}`,
      ],
      ready: `http://127.0.0.1:${kwokPort}/healthz`,
    },
  ];
}
