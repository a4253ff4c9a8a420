import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { ControlPlane } from "../../../lab/controlPlane";
import { readState } from "../../../lab/state";
import { until } from "../../../lab/until";

const name = "busy";
/** How long etcd stands still, and then goes on, in milliseconds. */
const stopped = 1_200;
const running = 800;

/**
 * An API server that answers slowly and turns requests away, by its own means: API Priority and Fairness gives a user few seats and rejects with 429 who finds none, and requests hold their
 * seats for long because etcd stands still (SIGSTOP) most of the time.
 */
export class BusyServer {
  /** @param kubeconfig the path of one as the control plane's, for the user who has few seats: the lab's own is exempt, being of the group system:masters */
  private constructor(
    private readonly plane: ControlPlane,
    readonly kubeconfig: string,
  ) {}

  static async make(plane: ControlPlane): Promise<BusyServer> {
    const account = ["--namespace", "default", name];
    plane.kubectl(["create", "serviceaccount", ...account]);
    const user = `system:serviceaccount:default:${name}`;
    plane.kubectl(["create", "clusterrolebinding", name, "--clusterrole=cluster-admin", `--user=${user}`]);
    const token = plane.kubectl(["create", "token", ...account, "--duration=1h"]).trim();
    const kubeconfig = join(plane.directory, "busy.kubeconfig");
    const own = readFileSync(plane.kubeconfig, "utf8");
    writeFileSync(kubeconfig, own.replace(/("?token"?: *"?)[^\s",}]+/g, `$1${token}`), { mode: 0o600 });
    const server = new BusyServer(plane, kubeconfig);
    const apiVersion = "flowcontrol.apiserver.k8s.io/v1";
    const limited = { nominalConcurrencyShares: 1, lendablePercent: 0, borrowingLimitPercent: 0 };
    const subject = { kind: "User", user: { name: user } };
    const resourceRules = [{ verbs: ["*"], apiGroups: ["*"], resources: ["*"], namespaces: ["*"], clusterScope: true }];
    const objects = [
      {
        apiVersion,
        kind: "PriorityLevelConfiguration",
        metadata: { name },
        spec: { type: "Limited", limited: { ...limited, limitResponse: { type: "Reject" } } },
      },
      {
        apiVersion,
        kind: "FlowSchema",
        metadata: { name },
        spec: {
          matchingPrecedence: 2,
          priorityLevelConfiguration: { name },
          rules: [{ subjects: [subject], resourceRules }],
        },
      },
    ];
    plane.kubectl(
      ["apply", "--server-side", "--filename", "-"],
      objects.map((object) => JSON.stringify(object)).join("\n---\n"),
    );
    await until("the API server counts the user's seats", () => {
      plane.kubectl(["--kubeconfig", kubeconfig, "get", "namespace", "default"]);
      return server.counted("dispatched") > 0;
    });
    return server;
  }

  /** Does something while the API server is busy. */
  async busyWhile<T>(action: () => Promise<T>): Promise<T> {
    const done = action();
    let ended = false;
    void done.catch(() => undefined).finally(() => (ended = true));
    const pid = readState(this.plane.directory)?.processes.find(({ name }) => name === "etcd")?.pid;
    if (pid === undefined) throw new Error("etcd does not run");
    while (!ended) {
      process.kill(pid, "SIGSTOP");
      try {
        await setTimeout(stopped);
      } finally {
        process.kill(pid, "SIGCONT");
      }
      await setTimeout(running);
    }
    return done;
  }

  /** How many requests it has turned away so far. */
  turnedAway(): number {
    return this.counted("rejected");
  }

  relieve(): void {
    this.plane.kubectl(["delete", "flowschema,prioritylevelconfiguration,clusterrolebinding", name]);
  }

  private counted(what: "dispatched" | "rejected"): number {
    const metric = new RegExp(
      `^apiserver_flowcontrol_${what}_requests_total\\{.*flow_schema="${name}".*\\} (\\d+)`,
      "gm",
    );
    const metrics = this.plane.kubectl(["get", "--raw", "/metrics"]);
    return [...metrics.matchAll(metric)].reduce((sum, [, count]) => sum + Number(count), 0);
  }
}
