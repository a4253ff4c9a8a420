import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runProgram } from "../../../lab/spire/process";
import { buildTool, downloadModule } from "../../../tools/go";
import { attestors, authorities, keyManagers } from "../../components/spire/plugins";
import { agentReplacements, managerReplacements, replace, serverReplacements } from "../../../lab/spire/replacements";
import { fileOf, spireObjectsOf } from "./support";

const objects = spireObjectsOf();
const rendered = {
  server: fileOf(objects, "ConfigMap spire/spire-server", "server.conf"),
  agent: fileOf(objects, "ConfigMap spire/spire-agent", "agent.conf"),
  manager: fileOf(objects, "ConfigMap spire/spire-server", "controller-manager.json"),
};
const places = {
  server: { data: "/lab/data", socket: "/lab/api.sock", kubeconfig: "/lab/kubeconfig", nodes: "/lab/nodes" },
  ports: { server: 1, serverHealth: 2, managerHealth: 3, bundle: 6, serverMetrics: 7, managerMetrics: 8 },
};
const agentPlaces = {
  data: "/lab/agent",
  workloadSocket: "/lab/agent/workload/agent.sock",
  adminSocket: "/lab/agent/admin.sock",
  bundle: "/lab/bundle",
  token: "/lab/token",
  node: "/lab/node",
  kubelet: { port: 4, authority: "/lab/authority", token: "/lab/account-token" },
  healthPort: 5,
  metricsPort: 9,
};

describe("what runs in the lab differs from what is rendered in these paths and addresses alone", () => {
  test("the server", () => {
    const run = replace(rendered.server, serverReplacements(places, "apps", rendered.server));
    expect(differences(rendered.server, run)).toEqual([
      "health_checks.bind_address",
      "health_checks.bind_port",
      "plugins.BundlePublisher.0.k8s_configmap.plugin_data.clusters.0.apps.kubeconfig_path",
      "plugins.DataStore.0.sql.plugin_data.connection_string",
      "plugins.KeyManager.0.disk.plugin_data.keys_path",
      "plugins.NodeAttestor.0.k8s_psat.plugin_data.clusters.0.apps.kube_config_file",
      "server.bind_address",
      "server.bind_port",
      "server.data_dir",
      "server.socket_path",
    ]);
  });

  test("the agent, and beside them the delay after which it starts again from the published bundle", () => {
    const run = replace(rendered.agent, agentReplacements(agentPlaces, places, rendered.agent));
    expect(differences(rendered.agent, run)).toEqual([
      "agent.admin_socket_path",
      "agent.data_dir",
      "agent.rebootstrap_delay",
      "agent.server_address",
      "agent.server_port",
      "agent.socket_path",
      "agent.trust_bundle_path",
      "health_checks.bind_port",
      "plugins.NodeAttestor.0.k8s_psat.plugin_data.token_path",
      "plugins.WorkloadAttestor.0.k8s.plugin_data.kubelet_ca_path",
      "plugins.WorkloadAttestor.0.k8s.plugin_data.kubelet_secure_port",
      "plugins.WorkloadAttestor.0.k8s.plugin_data.token_path",
    ]);
  });

  test("the controller-manager", () => {
    const run = replace(rendered.manager, managerReplacements(places, rendered.manager));
    expect(differences(rendered.manager, run)).toEqual(["health.healthProbeBindAddress", "spireServerSocketPath"]);
  });
});

describe("SPIRE's own validate commands", () => {
  let directory: string;
  beforeAll(() => {
    directory = mkdtempSync(join(tmpdir(), "zt-"));
  });
  afterAll(() => rmSync(directory, { recursive: true }));

  const validate = (program: "spire-server" | "spire-agent", configuration: object) => {
    const file = join(directory, program);
    writeFileSync(file, JSON.stringify(configuration));
    return runProgram([buildTool(program), "validate", "-config", file]);
  };

  test.each([
    ["spire-server" as const, rendered.server],
    ["spire-agent" as const, rendered.agent],
  ])("%s accepts what is rendered as it is", async (program, configuration) => {
    expect(await validate(program, configuration)).toMatchObject({ status: 0 });
  });

  test.each([
    ["spire-server" as const, "server.conf"],
    ["spire-agent" as const, "agent.conf"],
  ])("%s accepts what is rendered where it signs for Istio, without a Cilium", async (program, key) => {
    const istio = spireObjectsOf(
      'mesh={"istio":{}}',
      'cluster={"name":"apps","context":"apps","identity":"00000000-0000-0000-0000-000000000000","kubernetes":"1.34"}',
      "spire.csi={}",
      'spire.workloads=[{"name":"mesh","namespaces":["billing","orders","web"]}]',
    );
    expect(await validate(program, fileOf(istio, `ConfigMap spire/${program}`, key))).toMatchObject({ status: 0 });
  });

  test.each(attestors)("both accept nodes that are told by $name", async ({ assignments }) => {
    const attested = spireObjectsOf(...assignments);
    for (const [program, key] of [
      ["spire-server", "server.conf"],
      ["spire-agent", "agent.conf"],
    ] as const)
      expect(await validate(program, fileOf(attested, `ConfigMap spire/${program}`, key))).toMatchObject({ status: 0 });
  });

  test.each([
    ["spire-server" as const, replace(rendered.server, { "server.trust_domian": "apps.zt.internal" })],
    ["spire-agent" as const, replace(rendered.agent, { "agent.trust_bundle_paht": "/bundle" })],
  ])("%s refuses a key that it does not know", async (program, configuration) => {
    expect(await validate(program, configuration)).toMatchObject({ status: 1 });
  });
});

describe("a plugin", () => {
  const source = join(
    downloadModule("github.com/spiffe/spire", "v1.13.0", "h1:xqpaVDwgmyRKw5yDs8xVRi5wM6nChXjLXxjDcSpA/rw="),
    "pkg",
  );
  /** SPIRE 1.13 does not look at the keys of a plugin's data: what it makes of them is in its source alone. */
  const known = (directory: string) =>
    readdirSync(join(source, directory))
      .filter((file) => file.endsWith(".go"))
      .flatMap((file) => [...readFileSync(join(source, directory, file), "utf8").matchAll(/hcl:"(\w+)/g)])
      .map(([, key]) => key);
  const expectKnown = (side: "server" | "agent", type: string, plugin: object) => {
    const [[name, { plugin_data }]] = Object.entries(plugin) as [[string, { plugin_data: object }]];
    const keys = known(`${side}/plugin/${type}/${name.replace(/[-_]/g, "")}`);
    expect(keys).toEqual(expect.arrayContaining(keysIn(plugin_data)));
  };
  const keysIn = (data: object): string[] =>
    Object.entries(data).flatMap(([key, value]) => [
      key,
      ...(isObject(value) && !Array.isArray(value) ? keysIn(value) : []),
    ]);

  test.each([
    ...authorities.map((configured) => ({ ...configured, type: "upstreamauthority" })),
    // Vault's comes with SPIRE 1.15, which is no Go module.
    ...keyManagers
      .filter(({ plugin }) => !("hashicorp_vault" in plugin))
      .map((configured) => ({ ...configured, type: "keymanager" })),
  ])("of the server is told nothing that its source does not know: $type, $name", ({ type, plugin }) =>
    expectKnown("server", type, plugin),
  );

  // The TPM's is somebody else's program.
  test.each(attestors.filter(({ plugin }) => !("tpm" in plugin)))(
    "for nodes that are told by $name is told nothing that its source does not know, on either side",
    ({ plugin, agentPlugin }) => {
      expectKnown("server", "nodeattestor", plugin);
      expectKnown("agent", "nodeattestor", agentPlugin);
    },
  );
});

/** Paths of the values that are not the same in both, sorted. */
function differences(one: unknown, other: unknown, path: readonly string[] = []): string[] {
  if (isObject(one) && isObject(other))
    return [...new Set([...Object.keys(one), ...Object.keys(other)])]
      .flatMap((key) => differences(one[key], other[key], [...path, key]))
      .sort();
  return one === other ? [] : [path.join(".")];
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === "object" && value !== null;
