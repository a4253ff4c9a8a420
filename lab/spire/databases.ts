import { chmodSync, chownSync, existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { Authority, type Certificate } from "../certificates";
import { onPath } from "../onPath";
import { freePorts } from "../ports";
import { LabError } from "../processes";
import { until } from "../until";
import { runProgram, startProcess, tail, type Process } from "./process";

/** A database on loopback that takes none but encrypted connections, with an empty one for SPIRE in it. */
export interface Database {
  readonly port: number;
  /** What SPIRE needs of it, as PEM: the database's CA, and the certificate of SPIRE's user. */
  readonly ca: string;
  readonly client: Certificate;
  stop(): Promise<void>;
}

export const databases = { postgres: startPostgres, mysql: startMariadb } as const;

/** Neither runs as root. */
export const nobody = 65534;
// Ends with the process that starts it: here, since the change of the user takes away what was set before.
const bound = ["--pdeathsig", "KILL"];
export const asNobody = (program: string, ...args: readonly string[]) =>
  ["setpriv", ...bound, `--reuid=${nobody}`, `--regid=${nobody}`, "--clear-groups", program, ...args] as const;

/** Where Debian has PostgreSQL's programs. */
export function postgresPrograms(): string {
  const versions = existsSync("/usr/lib/postgresql") ? readdirSync("/usr/lib/postgresql") : [];
  const bin = versions
    .map((version) => `/usr/lib/postgresql/${version}/bin`)
    .find((path) => existsSync(join(path, "initdb")));
  if (bin === undefined) throw new LabError("PostgreSQL not found: apt-get install --no-install-recommends postgresql");
  return bin;
}

/** PostgreSQL, as Debian has it. */
async function startPostgres(user: string, password: string): Promise<Database> {
  const bin = postgresPrograms();
  const { directory, data, files, ...database } = await prepare();
  await must(asNobody(join(bin, "initdb"), "--pgdata", data, "--username=postgres", "--auth-local=trust", "--no-sync"));
  // Who is not encrypted, or has no certificate, gets in by no rule.
  writeFileSync(
    join(data, "pg_hba.conf"),
    "local all all trust\nhostssl all all 127.0.0.1/32 scram-sha-256 clientcert=verify-ca\n",
  );
  const settings = {
    listen_addresses: "127.0.0.1",
    unix_socket_directories: directory,
    ssl: "on",
    ssl_cert_file: files.serverCertificate,
    ssl_key_file: files.serverKey,
    ssl_ca_file: files.ca,
    fsync: "off",
  };
  const options = Object.entries(settings).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const server = await startProcess(
    "postgres",
    asNobody(join(bin, "postgres"), "-D", data, "-p", String(database.port), ...options),
    { directory },
  );
  const connect = ["--host", directory, "--port", String(database.port), "--username=postgres"];
  const psql = (sql: string) => [join(bin, "psql"), ...connect, "--command", sql] as const;
  const answers = async () => (await runProgram(psql("select 1"))).status === 0;
  await until("PostgreSQL answers", answers, { detail: () => tail(server) });
  await must(psql(`create role ${user} login password '${password.replaceAll("'", "''")}'`));
  await must(psql(`create database spire owner ${user}`));
  return { ...database, stop: () => stop(server, directory) };
}

/** MariaDB in the place of MySQL, which Debian does not have. */
async function startMariadb(user: string, password: string): Promise<Database> {
  const program = ["/usr/sbin/mariadbd", onPath("mariadbd") ?? ""].find((path) => existsSync(path));
  if (program === undefined)
    throw new LabError(
      "MariaDB not found: apt-get install --no-install-recommends mariadb-server-core mariadb-client-core",
    );
  const { directory, data, files, ...database } = await prepare();
  await must(
    asNobody(
      "mariadb-install-db",
      "--no-defaults",
      `--datadir=${data}`,
      "--skip-test-db",
      "--auth-root-authentication-method=normal",
    ),
  );
  const escaped = password.replaceAll("\\", "\\\\").replaceAll("'", "\\'");
  const sql = [
    "create database spire;",
    `create user '${user}'@'%' identified by '${escaped}' require x509;`,
    `grant all on spire.* to '${user}'@'%';`,
  ];
  const init = join(directory, "init.sql");
  writeFileSync(init, sql.join("\n"));
  chownSync(init, nobody, nobody);
  const options = {
    datadir: data,
    port: String(database.port),
    "bind-address": "127.0.0.1",
    socket: join(directory, "mariadb.sock"),
    "pid-file": join(directory, "mariadb.pid"),
    "init-file": init,
    "ssl-ca": files.ca,
    "ssl-cert": files.serverCertificate,
    "ssl-key": files.serverKey,
  };
  const server = await startProcess(
    "mariadb",
    asNobody(program, "--no-defaults", ...Object.entries(options).map(([name, value]) => `--${name}=${value}`)),
    { directory },
  );
  await until("MariaDB is ready", () => server.log().includes("ready for connections"), { detail: () => tail(server) });
  return { ...database, stop: () => stop(server, directory) };
}

/** A directory for a database, and certificates of one authority for it and for its user. */
async function prepare() {
  const directory = mkdtempSync(join(tmpdir(), "zt-database-"));
  const data = join(directory, "data");
  mkdirSync(data, { mode: 0o700 });
  const [port = 0] = await freePorts(1);
  const authority = new Authority();
  const own = authority.issue({ commonName: "localhost", names: ["localhost"], addresses: ["127.0.0.1"] });
  const client = authority.issue({ commonName: "spire" });
  const write = (name: string, content: string): string => {
    const path = join(directory, name);
    writeFileSync(path, content, { mode: 0o600 });
    chownSync(path, nobody, nobody);
    return path;
  };
  const files = {
    ca: write("ca.crt", authority.certificate),
    serverCertificate: write("server.crt", own.certificate),
    serverKey: write("server.key", own.key),
  };
  for (const path of [directory, data]) chownSync(path, nobody, nobody);
  chmodSync(directory, 0o755);
  return { directory, data, files, port, ca: authority.certificate, client };
}

async function must(command: readonly [string, ...string[]]): Promise<void> {
  const { status, output } = await runProgram(command, { seconds: 120 });
  if (status !== 0) throw new Error(`${command.join(" ")}: ${output}`);
}

async function stop(server: Process, directory: string): Promise<void> {
  await server.stop();
  rmSync(directory, { recursive: true });
}
