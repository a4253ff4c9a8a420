import { join } from "node:path";
import { downloadModule } from "../tools/go";

/** Cilium's source. */
export const ciliumModule = () =>
  downloadModule("github.com/cilium/cilium", "v1.19.3", "h1:foJrHPk45HwshOd8Qf/kptf9JxPfNySkIDKsetZa9+Y=");

/** The directory with the CRDs of Cilium's version 2, which are those that the program writes. */
export const ciliumDefinitions = () => join(ciliumModule(), "pkg/k8s/apis/cilium.io/client/crds/v2");

/** The file with cert-manager's CRD of CertificateRequests. */
export const certificateRequests = () =>
  join(
    downloadModule(
      "github.com/cert-manager/cert-manager",
      "v1.21.2",
      "h1:UWgoYM+KLNtRlqmoWOKjKBOBUPVHeepQ6/ac3ERJW68=",
    ),
    "deploy/crds/cert-manager.io_certificaterequests.yaml",
  );

/** What kwok does to objects ("stages"), one file each, and its storage class. The version is that of the program in tools/kwok. */
export function kwokFiles() {
  const directory = join(
    downloadModule("sigs.k8s.io/kwok", "v0.8.0", "h1:OTIOTwgROqPMovcTwxICx2eYQ4AwLpSx5EpjbDKF4SQ="),
    "kustomize/stage",
  );
  const stages = [
    ...["node/fast/node-initialize", "node/heartbeat-with-lease/node-heartbeat-with-lease"],
    ...["pod-ready", "pod-complete", "pod-delete"].map((stage) => `pod/fast/${stage}`),
    ...["pvc-provision", "pvc-delete", "pv-bind", "pv-delete"].map((stage) => `volume/fast/${stage}`),
  ];
  return {
    stages: stages.map((stage) => join(directory, `${stage}.yaml`)),
    storageClass: join(directory, "volume/fast/storage-class.yaml"),
  };
}
