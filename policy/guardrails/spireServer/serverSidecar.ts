import { inObject, type Guardrail } from "../../rules/guardrail";
import { mayBeSpire } from "../../rules/spireConfiguration";
import { directoryOf, isWithin, spireWorkloads } from "../../rules/spireWorkloads";
import { listOf, podOf, recordOf } from "../../rules/values";

export const serverSidecar: Guardrail = {
  name: "server-sidecar",
  description: "Who shares the SPIRE server's own socket shares its process namespace.",
  severity: "mandatory",
  prevents:
    "Entries that are never made: the server refuses a caller on its own socket whose process it cannot see, and a sidecar in a process namespace of its own is one (spire pkg/common/peertracker).",
  remediation: "Write shareProcessNamespace: true, and one runAsUser for the whole pod.",
  blocksOff: false,
  reads: (object) => ["ConfigMap", "StatefulSet", "Deployment"].includes(object.kind) && mayBeSpire(object),
  checkStack: ({ objects }) =>
    spireWorkloads(objects, "server").flatMap(({ workload, configuration: { main } }) => {
      const { socket_path: socket = "/tmp/spire-server/private/api.sock" } = main;
      const pod = podOf(workload);
      if (typeof socket !== "string" || pod["shareProcessNamespace"] === true) return [];
      const directory = directoryOf(socket);
      const sharing = listOf(pod["containers"]).filter((container) =>
        listOf(recordOf(container)["volumeMounts"]).some((mount) => {
          const { mountPath } = recordOf(mount);
          return typeof mountPath === "string" && isWithin(directory, mountPath);
        }),
      );
      const message = `is not true, so the server refuses who shares ${directory} with it; write true`;
      return sharing.length > 1 ? [inObject(workload, "shareProcessNamespace", message)] : [];
    }),
};
