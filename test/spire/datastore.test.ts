import { describe, expect, test } from "vitest";
import { describeObject } from "../../components/kubernetes";
import { configOf } from "../support/stacks";
import { fileOf, manifestOf, objectsWith } from "./planned";

const postgres = ["spire.datastore.postgres.address=db.example.com:5432"];
const mysql = ["spire.datastore.mysql.address=db.example.com:3306"];

const serverOf = (assignments: readonly string[]) =>
  manifestOf(assignments, "StatefulSet spire/spire-server")["spec"] as {
    replicas: number;
    volumeClaimTemplates?: object[];
    template: {
      spec: {
        containers: { args: string[]; env?: object[]; volumeMounts: object[] }[];
        volumes: { name: string; secret?: object }[];
        topologySpreadConstraints?: object[];
      };
    };
  };
const datastoreOf = (assignments: readonly string[]) => {
  const { plugins } = fileOf(assignments, "spire-server", "server.conf") as {
    plugins: { DataStore: { sql: { plugin_data: object } }[] };
  };
  return plugins.DataStore[0]?.sql.plugin_data;
};

describe("a database that SPIRE's servers share", () => {
  test("is verified by its name unless the configuration says otherwise, and its CA and SPIRE's certificate are files", () => {
    expect(datastoreOf(postgres)).toEqual({
      database_type: "postgres",
      connection_string: "host=db.example.com port=5432 dbname=spire user=spire sslmode=verify-full",
    });
    const secretsOf = (type: string) =>
      ["caSecret=db-ca", "clientSecret=db-client"].map((secret) => `spire.datastore.${type}.tls.${secret}`);
    expect(datastoreOf([...postgres, ...secretsOf("postgres")])).toMatchObject({
      connection_string: expect.stringContaining(
        "sslrootcert=/run/spire/datastore/ca/ca.crt sslcert=/run/spire/datastore/client/tls.crt sslkey=/run/spire/datastore/client/tls.key",
      ) as string,
    });
    expect(datastoreOf([...mysql, ...secretsOf("mysql")])).toEqual({
      database_type: "mysql",
      connection_string: "spire:${DATASTORE_PASSWORD}@tcp(db.example.com:3306)/spire?parseTime=true&tls=true",
      root_ca_path: "/run/spire/datastore/ca/ca.crt",
      client_cert_path: "/run/spire/datastore/client/tls.crt",
      client_key_path: "/run/spire/datastore/client/tls.key",
    });
    const { volumes } = serverOf([...postgres, ...secretsOf("postgres")]).template.spec;
    expect(volumes.flatMap(({ secret }) => secret ?? [])).toEqual([
      { secretName: "db-ca", defaultMode: 0o440, items: [{ key: "ca.crt", path: "ca.crt" }] },
      {
        secretName: "db-client",
        defaultMode: 0o440,
        items: [
          { key: "tls.crt", path: "tls.crt" },
          { key: "tls.key", path: "tls.key" },
        ],
      },
    ]);
    expect(datastoreOf([...mysql, "spire.datastore.mysql.tls.mode=disable"])).toMatchObject({
      connection_string: expect.stringContaining("&tls=false") as string,
    });
  });

  test("has a password that the server alone is given: from a Secret of the user's, or one that is made with it", () => {
    const [server] = serverOf(postgres).template.spec.containers;
    expect(server?.env).toEqual([
      { name: "PGPASSWORD", valueFrom: { secretKeyRef: { name: "spire-datastore", key: "password" } } },
    ]);
    expect(server?.args).not.toContain("-expandEnv");
    const theirs = [...mysql, "spire.datastore.mysql.passwordSecret.name=db"];
    const [withTheirs] = serverOf(theirs).template.spec.containers;
    expect(withTheirs?.env).toEqual([
      { name: "DATASTORE_PASSWORD", valueFrom: { secretKeyRef: { name: "db", key: "password" } } },
    ]);
    expect(withTheirs?.args).toContain("-expandEnv");
    const made = (assignments: readonly string[]) =>
      objectsWith(assignments)
        .filter(({ manifest: { kind } }) => kind === "Secret")
        .map(({ manifest, keep, password }) => [describeObject(manifest), "data" in manifest, keep, password]);
    expect(made(postgres)).toEqual([["Secret spire/spire-datastore", false, "retained", "password"]]);
    expect(made(theirs)).toEqual([]);
  });

  test("leaves each server keys of its own, on a volume of its own", () => {
    const { volumeClaimTemplates, template } = serverOf(postgres);
    expect(volumeClaimTemplates).toMatchObject([{ metadata: { name: "data" } }]);
    expect(template.spec.volumes.map(({ name }) => name)).not.toContain("data");
    expect(template.spec.containers[0]?.volumeMounts).toContainEqual({ name: "data", mountPath: "/run/spire/data" });
    expect(objectsWith(postgres).map(({ manifest }) => manifest.kind)).not.toContain("PersistentVolumeClaim");
  });
});

describe("several servers", () => {
  const three = [...postgres, "spire.replicas=3"];

  test("are on nodes and in zones of their own, and a drain takes one at a time", () => {
    expect(serverOf(three)).toMatchObject({ replicas: 3, podManagementPolicy: "Parallel" });
    expect(serverOf(three).template.spec.topologySpreadConstraints).toMatchObject([
      { topologyKey: "kubernetes.io/hostname", whenUnsatisfiable: "DoNotSchedule" },
      { topologyKey: "topology.kubernetes.io/zone", whenUnsatisfiable: "ScheduleAnyway" },
    ]);
    expect(manifestOf(three, "PodDisruptionBudget spire/spire-server")["spec"]).toMatchObject({ maxUnavailable: 1 });
    expect(objectsWith(postgres).map(({ manifest }) => manifest.kind)).not.toContain("PodDisruptionBudget");
  });

  test("are found one by one by the agents, and those alone that are ready; Cilium goes on by the address that it can ask for", () => {
    expect(fileOf(three, "spire-agent", "agent.conf")).toMatchObject({
      agent: { server_address: "spire-server-headless.spire.svc" },
    });
    const headless = "Service spire/spire-server-headless";
    expect(manifestOf(three, headless)["spec"]).toMatchObject({ clusterIP: "None", publishNotReadyAddresses: false });
    expect(manifestOf(three, "Service spire/spire-server")["spec"]).toMatchObject({ type: "ClusterIP" });
  });

  test("have one controller-manager at a time that reconciles, by a lease in their namespace and no more rights than for that", () => {
    expect(fileOf(three, "spire-server", "controller-manager.json")).toMatchObject({
      leaderElection: { leaderElect: true, resourceName: "spire-controller-manager", resourceNamespace: "spire" },
    });
    expect(JSON.stringify(manifestOf(three, "Role spire/spire-controller-manager")["rules"])).not.toMatch(/delete|\*/);
    expect(manifestOf(three, "RoleBinding spire/spire-controller-manager")).toMatchObject({
      roleRef: { name: "spire-controller-manager" },
      subjects: [{ kind: "ServiceAccount", name: "spire-server", namespace: "spire" }],
    });
  });
});

describe("the configuration", () => {
  test("names one database and its address, and nothing that would do nothing", () => {
    expect(() => configOf("apps", "spire.datastore.postgres.user=me")).toThrow(
      "zero-trust:spire.datastore.postgres.address is missing",
    );
    expect(() => configOf("apps", ...postgres, ...mysql)).toThrow("one of postgres, mysql");
    expect(() =>
      configOf(
        "apps",
        ...postgres,
        "spire.datastore.postgres.tls.mode=disable",
        "spire.datastore.postgres.tls.caSecret=a",
      ),
    ).toThrow("it has an effect only with");
  });

  test("has nothing in it that would say something else in a connection string", () => {
    for (const value of ["a b", "x password=y", "a'b", "a@b", "a?tls=false", "$HOME"])
      expect(() => configOf("apps", ...postgres, `spire.datastore.postgres.user=${value}`)).toThrow(
        "zero-trust:spire.datastore.postgres.user",
      );
  });
});
