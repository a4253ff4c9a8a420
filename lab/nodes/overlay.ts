import { programs, versionOf } from "../../tools/programs";
import { references } from "./clusterImages";
import { storageClass } from "./cluster";

/**
 * What the stack's configuration needs to be deployed here, by key: where it is deployed, and what its images are. Everything else is as the stack file has it.
 *
 * @param chart the folder of Cilium's chart
 * @param valuesFile what the file of its other values is called, in the project
 * @param identity UID of the cluster's namespace kube-system
 */
export const overlay = (chart: string, valuesFile: string, identity: string): Readonly<Record<string, string>> => ({
  "cluster.identity": identity,
  "cluster.cilium.version": versionOf(programs["cilium-agent"]).slice(1),
  "cluster.cilium.delivery": "helm",
  "cluster.cilium.chart": chart,
  "cluster.cilium.valuesFile": valuesFile,
  "spire.version": versionOf(programs["spire-server"]).slice(1),
  "spire.images.server": references.spireServer,
  "spire.images.agent": references.spireAgent,
  "spire.images.controllerManager": references.controllerManager,
  "spire.images.pullPolicy": "Never",
  "spire.storage.className": storageClass,
  // So that those that are in use when something is tried expire before it is over.
  "spire.ttl.x509Svid": "2m",
});
