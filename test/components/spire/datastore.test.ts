import { describe, expect, test } from "vitest";
import { describeObject } from "../../../core/util/kubernetes";
import { plan } from "../../../plan/plan";
import { configOf } from "../../support/stacks";
import { fileOf, find, manifestOf, objectsWith } from "./planned";

const postgres = ["spire.datastore.postgres.address=db.example.com:5432"];
const mysql = ["spire.datastore.mysql.address=db.example.com:3306"];

const serverOf = (assignments: readonly string[], name = "StatefulSet spire/spire-server") =>
  manifestOf(assignments, name)["spec"] as {
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

describe("the database for labs", () => {
  const lab = ["spire.datastore.labPostgres={}", "spire.replicas=2"];
  const workload = "StatefulSet spire/spire-postgres";

  test("is there before the servers, which reach it alone by a password that is generated", () => {
    expect(find(lab, "StatefulSet spire/spire-server")?.after).toContain("spire-database");
    expect(datastoreOf(lab)).toEqual({
      database_type: "postgres",
      connection_string: "host=spire-postgres.spire.svc port=5432 dbname=postgres user=spire sslmode=disable",
    });
    expect(serverOf(lab).template.spec.containers[0]?.env).toEqual([
      { name: "PGPASSWORD", valueFrom: { secretKeyRef: { name: "spire-datastore", key: "password" } } },
    ]);
    expect(find(lab, workload)?.after).toContain("spire-datastore-password");
    expect(manifestOf(lab, "Service spire/spire-postgres")["spec"]).toMatchObject({ ports: [{ port: 5432 }] });
    expect(manifestOf(lab, "NetworkPolicy spire/spire-postgres")["spec"]).toEqual({
      podSelector: { matchLabels: { "app.kubernetes.io/name": "spire-postgres" } },
      policyTypes: ["Ingress", "Egress"],
      ingress: [
        {
          from: [{ podSelector: { matchLabels: { "app.kubernetes.io/name": "spire-server" } } }],
          ports: [{ port: 5432, protocol: "TCP" }],
        },
      ],
    });
  });

  test("keeps what it has: its claim and its password go with nothing", () => {
    const kept = objectsWith(lab)
      .filter(({ keep }) => keep)
      .map(({ manifest, keep }) => [describeObject(manifest), keep]);
    expect(kept).toContainEqual(["PersistentVolumeClaim spire/spire-postgres", true]);
    expect(kept).toContainEqual(["Secret spire/spire-datastore", "retained"]);
    const { replicas, volumeClaimTemplates, template } = serverOf(lab, workload);
    expect([replicas, volumeClaimTemplates]).toEqual([1, undefined]);
    expect(template.spec.volumes[0]).toEqual({
      name: "data",
      persistentVolumeClaim: { claimName: "spire-postgres" },
    });
  });

  test("meets what Pod Security calls restricted, has no token of the cluster's, and an image with a version", () => {
    const { spec } = serverOf(lab, workload).template;
    expect(spec).toMatchObject({
      automountServiceAccountToken: false,
      securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      containers: [
        {
          image: expect.stringMatching(/^docker\.io\/library\/postgres:\d+\.\d+/) as string,
          securityContext: {
            allowPrivilegeEscalation: false,
            capabilities: { drop: ["ALL"] },
            readOnlyRootFilesystem: true,
          },
        },
      ],
    });
    const [container] = serverOf([...lab, "spire.images.postgres=registry.corp/postgres:17.11"], workload).template.spec
      .containers;
    expect(container).toMatchObject({ image: "registry.corp/postgres:17.11" });
  });

  test("is chosen for good, as any other, and none of its own is there with another", () => {
    const { outputs } = plan(configOf("apps", ...lab), {});
    expect(outputs.rollout.choices).toMatchObject({ "spire.datastore": "labPostgres" });
    expect(find(postgres, workload)).toBeUndefined();
    expect(() => configOf("apps", ...lab, ...postgres)).toThrow("one of postgres, mysql, labPostgres");
  });
});
