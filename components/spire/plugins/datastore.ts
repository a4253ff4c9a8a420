import { owned, type KubernetesObject } from "../../../core/util/kubernetes";
import { joined, secretFiles, type ServerParts } from "./parts";
import type { ManagedSpire, SharedDatastore } from "../settings";
import { spire } from "../../../core/schema/spireNames";

/** Where the server finds what it needs for the database, each a Secret's directory. */
const directories = { ca: "/run/spire/datastore/ca", client: "/run/spire/datastore/client" } as const;
const ca = `${directories.ca}/ca.crt`;
const client = { certificate: `${directories.client}/tls.crt`, key: `${directories.client}/tls.key` };

/** The Secret with a generated password, where the configuration names none, and its key. */
export const generatedPassword = { name: "spire-datastore", key: "password" } as const;

/** Whether servers share a database, and so may be several. */
export const isShared = (datastore: ManagedSpire["datastore"]): datastore is SharedDatastore =>
  datastore.type !== "sqlite3";

/**
 * The plugin's data (doc/plugin_server_datastore_sql.md). No password is in it: PostgreSQL's driver reads it from the environment, and for MySQL's the server puts
 * it in when it starts, so that neither a ConfigMap nor Pulumi's state has it.
 *
 * @param file of sqlite
 */
export function datastoreData(datastore: ManagedSpire["datastore"], file: string): object {
  if (!isShared(datastore)) return { database_type: "sqlite3", connection_string: file };
  const { type, address, database, user, tls } = datastore;
  return type === "postgres"
    ? { database_type: type, connection_string: postgres(datastore) }
    : {
        database_type: type,
        // Without a CA of its own the driver is told by `tls` to go by the system's.
        connection_string: `${user}:\${${passwordVariable}}@tcp(${address})/${database}?parseTime=true&tls=${tls.mode !== "disable"}`,
        ...(tls.caSecret === undefined ? {} : { root_ca_path: ca }),
        ...(tls.clientSecret === undefined
          ? {}
          : { client_cert_path: client.certificate, client_key_path: client.key }),
      };
}

const placeOf = ({ address }: SharedDatastore) => {
  const [host = "", port = ""] = address.split(":");
  return { host, port };
};

/** As lib/pq reads it; the password is in PGPASSWORD. */
function postgres(datastore: SharedDatastore): string {
  const { database, user, tls } = datastore;
  const { host, port } = placeOf(datastore);
  const parameters = {
    host,
    port,
    dbname: database,
    user,
    sslmode: tls.mode,
    ...(tls.caSecret === undefined ? {} : { sslrootcert: ca }),
    ...(tls.clientSecret === undefined ? {} : { sslcert: client.certificate, sslkey: client.key }),
  };
  return Object.entries(parameters)
    .map(([key, value]) => `${key}=${value}`)
    .join(" ");
}

const passwordVariable = "DATASTORE_PASSWORD";

/** What the server's pod has for its database: a variable with the password, the certificates, and the option that has the configuration's variables filled in. */
export function datastoreParts(datastore: ManagedSpire["datastore"]): Partial<ServerParts> {
  if (!isShared(datastore)) return {};
  const { type, tls, passwordSecret = generatedPassword } = datastore;
  const certificates = [
    ...(tls.caSecret === undefined ? [] : [secretFiles("datastore-ca", tls.caSecret, directories.ca, ["ca.crt"])]),
    ...(tls.clientSecret === undefined
      ? []
      : [secretFiles("datastore-client", tls.clientSecret, directories.client, ["tls.crt", "tls.key"])]),
  ];
  const { host, port } = placeOf(datastore);
  return {
    ...joined(certificates),
    calls: [{ host, port: Number(port) }],
    env: [
      {
        name: type === "postgres" ? "PGPASSWORD" : passwordVariable,
        valueFrom: { secretKeyRef: { name: passwordSecret.name, key: passwordSecret.key } },
      },
    ],
    args: type === "mysql" ? ["-expandEnv"] : [],
  };
}

/** Of the password that this program makes: the value is put in when it is registered, and is nowhere else. */
export function passwordSecret(): KubernetesObject {
  return {
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: generatedPassword.name, namespace: spire.namespace, ...owned(spire.server) },
    type: "Opaque",
  };
}
