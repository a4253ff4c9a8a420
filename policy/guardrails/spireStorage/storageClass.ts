import { isClosed } from "../../../core/schema/schema";
import { installKey, installValue, isBundled } from "../../rules/bundledSpire";
import { inValues } from "../../rules/ciliumValues";
import { describeObject, type KubernetesObject } from "../../../core/util/kubernetes";
import type { Facts } from "../../facts/facts";
import type { Guardrail, Violation } from "../../rules/guardrail";
import { mayBeSpire } from "../../rules/spireConfiguration";
import { listOf, recordOf } from "../../rules/values";

export const storageClass: Guardrail = {
  name: "storage-class",
  description: "SPIRE's volume has a storage class that is named, and that works while SPIRE does not.",
  severity: "mandatory",
  prevents:
    "A deadlock: SPIRE's volume was on storage whose own pods had to authenticate, so neither could start without the other, and a default class is whatever it is by then (cilium#46392, devantler-tech/platform#1818).",
  remediation: "Name a class of local disks or of the cloud's in spire.storage.className, before the first update.",
  blocksOff: false,
  reads: (object) => ["PersistentVolumeClaim", "StatefulSet"].includes(object.kind) && mayBeSpire(object),
  checkStack: (facts) => [
    ...facts.objects
      .filter(mayBeSpire)
      .flatMap((object) =>
        claimsOf(object).flatMap(([where, spec]) =>
          judgeClass(`${describeObject(object)} ${where}`, recordOf(spec)["storageClassName"], facts),
        ),
      ),
    ...facts.releases
      .filter((release) => isBundled(release) && installValue(release, "server.dataStorage.enabled") !== false)
      .flatMap((release) => {
        const key = "server.dataStorage.storageClass";
        return judgeClass(inValues(release, installKey(key)), installValue(release, key), facts);
      }),
  ],
};

/** Storage in the cluster, by words in the names of its classes, and the namespaces that its projects run it in. */
const networked: readonly (readonly [words: RegExp, namespace: RegExp])[] = [
  [/longhorn/, /^longhorn-system$/],
  [/rook|ceph/, /^rook-ceph.*$/],
  [/openebs|mayastor|jiva|cstor/, /^openebs.*$/],
  [/linstor|piraeus|drbd/, /^(linstor|piraeus).*$/],
  [/democratic|nfs/, /^(democratic-csi|.*nfs.*)$/],
];

/** Where the volumes of an object say which class they are of: a claim's own, and those that a StatefulSet makes for each of its pods. */
function claimsOf(object: KubernetesObject): [where: string, spec: unknown][] {
  if (object.kind === "PersistentVolumeClaim") return [["spec.storageClassName", object["spec"]]];
  if (object.kind !== "StatefulSet") return [];
  const templates = listOf(recordOf(object["spec"])["volumeClaimTemplates"]);
  return templates.map((claim) => ["spec.volumeClaimTemplates storageClassName", recordOf(claim)["spec"]]);
}

function judgeClass(where: string, name: unknown, { config: { rollout } }: Facts): Violation[] {
  if (typeof name !== "string" || name === "")
    return [{ where, message: "is the cluster's default, whatever that is later; name one", severity: "advisory" }];
  const storage = networked.find(([words]) => words.test(name));
  if (!storage) return [];
  const closed = Object.keys(rollout.phases).find(
    (namespace) => storage[1].test(namespace) && isClosed(rollout.phases[namespace]),
  );
  if (closed === undefined) {
    const message = `is ${name}, storage that needs the cluster's network; keep its namespace at observe, or name a local class`;
    return [{ where, message, severity: "advisory" }];
  }
  return [
    {
      where,
      message: `is ${name}, whose namespace ${closed} is closed, so that each waits for the other; name a local class`,
    },
  ];
}
