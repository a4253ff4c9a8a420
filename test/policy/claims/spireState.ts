import { both, bundled, extra, server, serverConf, withChanged, withConfig, withObject } from "../changes";
import type { Claims } from "./claim";

const claim = (change: (json: string) => string) => withChanged("PersistentVolumeClaim", "spire-data", change);
const webhook = (rest: object, group = "spire.spiffe.io") =>
  withObject({
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "extra" },
    webhooks: [{ rules: [{ apiGroups: [group], resources: ["*"] }], ...rest }],
  });

/** The SPIRE server: where it is, what it keeps, and who is beside it. */

/** What the SPIRE server keeps, and who may change its entries. */
export const spireState: Claims = {
  "server-sidecar": {
    catches: [
      {
        what: "a sidecar that the server cannot see",
        change: server('"shareProcessNamespace":true', '"x":1'),
        says: /shareProcessNamespace is not true, so the server refuses who shares \/tmp\/spire-server\/private/,
      },
    ],
    passes: [
      [
        "a server alone",
        server(
          /"shareProcessNamespace":true(.*)"mountPath":"\/tmp\/spire-server\/private"/,
          '"x":1$1"mountPath":"/elsewhere"',
        ),
      ],
    ],
  },
  "spire-state-kept": {
    catches: [
      {
        what: "a volume that goes with the pod",
        change: server('"persistentVolumeClaim":{"claimName":"spire-data"}', '"emptyDir":{}'),
        says: /volumes lose \/run\/spire\/data\/datastore\.sqlite3 with the pod/,
      },
      {
        what: "no volume",
        change: server('"mountPath":"/run/spire/data"', '"mountPath":"/data"'),
        says: /volumes lose \/run\/spire\/data\/keys\.json with the pod/,
      },
      {
        what: "a key service's name for the server that goes with the pod",
        change: both(
          both(serverConf("sqlite3\\", "postgres\\"), serverConf('\\"disk\\"', '\\"aws_kms\\"')),
          both(
            serverConf("keys_path", "key_identifier_file"),
            server('"persistentVolumeClaim":{"claimName":"spire-data"}', '"emptyDir":{}'),
          ),
        ),
        says: /volumes lose \/run\/spire\/data\/keys\.json with the pod/,
      },
      {
        what: "a volume that goes with the StatefulSet",
        change: server('"replicas":1', '"replicas":1,"persistentVolumeClaimRetentionPolicy":{"whenDeleted":"Delete"}'),
        says: /persistentVolumeClaimRetentionPolicy\.whenDeleted is Delete; write Retain/,
      },
    ],
    passes: [
      [
        "a claim that the StatefulSet makes",
        server(
          /"replicas":1(.*)\{"name":"data","persistentVolumeClaim":\{"claimName":"spire-data"\}\},/,
          '"replicas":1,"volumeClaimTemplates":[{"metadata":{"name":"data"}}]$1',
        ),
      ],
      [
        "a server whose state is somewhere else",
        both(
          both(serverConf("sqlite3\\", "postgres\\"), serverConf("keys_path", "key_identifier_value")),
          server('"persistentVolumeClaim":{"claimName":"spire-data"}', '"emptyDir":{}'),
        ),
      ],
    ],
  },
  "lab-database": {
    catches: [
      {
        what: "the database for labs",
        change: withConfig("spire.datastore.labPostgres={}"),
        says: /labPostgres is one pod on one volume/,
        verdict: "warn",
        also: ["spire-choices"],
      },
    ],
    passes: [["a database of the user's", withConfig("spire.datastore.postgres.address=db.example.com:5432")]],
  },
  "storage-class": {
    catches: [
      {
        what: "no class",
        change: claim((json) => json.replace('"storageClassName":"local"', '"x":1')),
        says: /PersistentVolumeClaim spire\/spire-data spec\.storageClassName is the cluster's default/,
        verdict: "warn",
      },
      {
        what: "no class for the volumes of several servers",
        change: server('"replicas":1', '"replicas":1,"volumeClaimTemplates":[{"metadata":{"name":"data"},"spec":{}}]'),
        says: /StatefulSet spire\/spire-server spec\.volumeClaimTemplates storageClassName is the cluster's default/,
        verdict: "warn",
      },
      {
        what: "storage in the cluster",
        change: claim((json) => json.replace('"local"', '"longhorn"')),
        says: /is longhorn, storage that needs the cluster's network; keep its namespace at observe/,
        verdict: "warn",
      },
      {
        what: "storage whose own namespace is closed",
        change: both(
          claim((json) => json.replace('"local"', '"rook-ceph-block"')),
          withConfig("rollout.phases.rook-ceph=require"),
        ),
        says: /whose namespace rook-ceph is closed, so that each waits for the other/,
        also: ["closed-namespaces", "evidence", "one-step", "protected-namespaces"],
      },
      {
        what: "no class for the SPIRE of Cilium's chart",
        change: bundled({ server: { dataStorage: { storageClass: undefined } } }),
        says: /install\.server\.dataStorage\.storageClass is the cluster's default/,
        verdict: "warn",
      },
    ],
    passes: [["disks of a cloud", claim((json) => json.replace('"local"', '"gp3"'))]],
  },
  "entry-ownership": {
    catches: [
      {
        what: "no prefix",
        change: serverConf('\\"entryIDPrefix\\"', '\\"x\\"'),
        says: /data\["controller-manager\.json"\] entryIDPrefix is nothing; write the cluster's name/,
      },
      {
        what: "no prefix, in YAML",
        change: withObject(
          extra("v1", "ConfigMap", { data: { "config.yaml": "kind: ControllerManagerConfig\nentryIDPrefix: ''\n" } }),
        ),
        says: /data\["config\.yaml"\] entryIDPrefix is ; write/,
      },
      {
        what: "a clean-up of every entry without a prefix",
        change: serverConf('\\"entryIDPrefix\\"', '\\"entryIDPrefixCleanup\\": \\"\\", \\"entryIDPrefix\\"'),
        says: /entryIDPrefixCleanup is empty/,
      },
    ],
    passes: [
      [
        "a clean-up of an old prefix",
        serverConf('\\"entryIDPrefix\\"', '\\"entryIDPrefixCleanup\\": \\"old\\", \\"entryIDPrefix\\"'),
      ],
    ],
  },
  "webhook-fails-open": {
    catches: [
      {
        what: "a webhook that stops changes",
        change: webhook({ failurePolicy: "Fail" }),
        says: /ValidatingWebhookConfiguration extra webhooks\[0\]\.failurePolicy is Fail; write Ignore/,
      },
      { what: "one that says nothing of failures", change: webhook({}), says: /is Fail/ },
      {
        what: "one that leaves namespaces out, which SPIRE's kinds have none of",
        change: webhook({ namespaceSelector: { matchLabels: { a: "b" } } }),
        says: /is Fail/,
      },
    ],
    passes: [
      ["a webhook that lets changes through", webhook({ failurePolicy: "Ignore" })],
      ["one with conditions", webhook({ matchConditions: [{ expression: "false" }] })],
      ["a webhook for other kinds", webhook({}, "apps")],
    ],
  },
};
