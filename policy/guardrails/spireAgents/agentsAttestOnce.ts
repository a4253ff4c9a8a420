import { seconds } from "../../../core/util/duration";
import { inObject, type Guardrail, type Violation } from "../../rules/guardrail";
import { attestsOnce, mayBeSpire } from "../../rules/spireConfiguration";
import { spireWorkloads, volumeAt, type SpireWorkload } from "../../rules/spireWorkloads";
import { recordOf, textOf } from "../../rules/values";

export const agentsAttestOnce: Guardrail = {
  name: "agents-attest-once",
  description: "SPIRE's agents that may attest only once keep what they are for as long as their node is there.",
  severity: "mandatory",
  prevents:
    "Nodes without identities after their agent was restarted: by aws_iid and gcp_iit the server takes each instance once, and refuses it until somebody evicts it (spire doc/plugin_server_nodeattestor_aws_iid.md, spire#5190, spire#6508); and an agent that is told to start again from the published bundle does not start (spire pkg/agent/agent.go).",
  remediation:
    "Write KeyManager disk, put data_dir on a directory of the node's disk, leave rebootstrap_mode at never, and let agents be away for a day: agent_ttl 24h.",
  blocksOff: false,
  reads: (object) => ["ConfigMap", "DaemonSet"].includes(object.kind) && mayBeSpire(object),
  checkStack: ({ objects }) => {
    const agents = spireWorkloads(objects, "agent").filter(({ configuration }) => attestsOnce(configuration));
    return [
      ...agents.flatMap(judge),
      ...(agents.length === 0 ? [] : spireWorkloads(objects, "server").flatMap(timeAway)),
    ];
  },
};

function judge({ workload, configuration: { file, main, names, plugin } }: SpireWorkload): Violation[] {
  const report = (key: string, message: string) => [inObject(workload, `${file} ${key}`, message)];
  const { rebootstrap_mode: mode = "never", data_dir: data } = main;
  const { directory } = plugin("KeyManager", "disk");
  const lost = (path: unknown) => {
    const { path: onNode } = recordOf(typeof path === "string" ? volumeAt(workload, path)?.["hostPath"] : undefined);
    // What is below these is gone when the node starts again.
    return typeof onNode !== "string" || /^\/(run|tmp|dev|var\/run)(\/|$)/.test(onNode);
  };
  return [
    ...(names("KeyManager").includes("memory") ? report("KeyManager", "is memory, lost with the pod; write disk") : []),
    ...[
      ["agent.data_dir", data],
      ["KeyManager.disk.directory", directory],
    ]
      .filter(([, path]) => path !== undefined && lost(path))
      .flatMap(([key, path]) =>
        report(
          textOf(key),
          `is ${textOf(path)}, which is not on the node's disk; mount it by hostPath, below /var/lib`,
        ),
      ),
    ...(mode === "always"
      ? report("agent.rebootstrap_mode", "is always, with which it does not start; write never")
      : []),
  ];
}

/** An agent whose certificate has expired would have to attest again. */
function timeAway({ workload, configuration: { file, main } }: SpireWorkload): Violation[] {
  const ttl = seconds(main["agent_ttl"] ?? "1h");
  if (ttl === undefined || ttl >= 86_400) return [];
  const message = `is ${ttl / 3600}h: a node that is away for longer has to be evicted by hand; set spire.ttl.agent to 24h`;
  return [inObject(workload, `${file} server.agent_ttl`, message, "advisory")];
}
