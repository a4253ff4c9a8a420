import { describe, expect, test } from "vitest";
import { Authority } from "../../../lab/certificates";
import { judge } from "../../../policy/rules/guardrail";
import { guardrails } from "../../../policy/guardrails";
import { goodAssignments, goodFacts, problemOf } from "../../support/stacks";
import { fileOf, find, manifestOf, objectsWith } from "./planned";
import { attestors, nodesCa, sha1Of, tpms } from "./plugins";

interface Configuration {
  readonly agent: Record<string, unknown>;
  readonly plugins: Record<string, unknown[]>;
}
const agentOf = (assignments: readonly string[]) => fileOf(assignments, "spire-agent", "agent.conf") as Configuration;
const serverOf = (assignments: readonly string[]) =>
  fileOf(assignments, "spire-server", "server.conf") as Configuration;
interface Pod {
  readonly volumes: readonly { name: string; hostPath?: { path: string }; configMap?: { items?: object[] } }[];
  readonly containers: readonly {
    env: { name: string; value?: string }[];
    securityContext: object;
    volumeMounts: { name: string; mountPath: string }[];
  }[];
}
const podOf = (assignments: readonly string[], workload: string) =>
  (manifestOf(assignments, workload)["spec"] as { template: { spec: Pod } }).template.spec;
const agentPod = (assignments: readonly string[]) => podOf(assignments, "DaemonSet spire/spire-agent");
const hostPaths = (assignments: readonly string[]) =>
  agentPod(assignments).volumes.flatMap(({ hostPath }) => hostPath?.path ?? []);
const aliases = (assignments: readonly string[]) =>
  objectsWith(assignments)
    .map(({ manifest }) => manifest)
    .filter(({ kind, metadata }) => kind === "ClusterStaticEntry" && metadata.name.startsWith("cilium-node-alias"));
const of = (name: string) => attestors.find((attestor) => attestor.name === name)?.assignments ?? expect.fail(name);
const certificate = of("a certificate");

describe.each(attestors)("nodes that are told by $name", ({ name, assignments, plugin, agentPlugin, nodes }) => {
  test("are attested by a plugin of both sides, which have what it reads", () => {
    expect(serverOf(assignments).plugins["NodeAttestor"]).toEqual([plugin]);
    expect(agentOf(assignments).plugins["NodeAttestor"]).toEqual([agentPlugin]);
    const read = (pod: Pod, data: object) => {
      const mounted = pod.containers[0]?.volumeMounts.map(({ mountPath }) => mountPath) ?? [];
      for (const [path] of JSON.stringify(data).matchAll(/(?<=")\/run\/[^"]+(?=")/g))
        expect(mounted.some((directory) => path === directory || path.startsWith(`${directory}/`))).toBe(true);
    };
    read(podOf(assignments, "StatefulSet spire/spire-server"), plugin);
    read(agentPod(assignments), agentPlugin);
  });

  test("share the alias below which Cilium's own two entries are", () => {
    const alias = "spiffe://apps.zt.internal/ns/spire/sa/spire-agent";
    expect(aliases(assignments).map(({ spec }) => spec)).toEqual(
      nodes.map((selectors) => ({ spiffeID: alias, parentID: "spiffe://apps.zt.internal/spire/server", selectors })),
    );
    for (const entry of ["cilium-agent", "cilium-operator"])
      expect(manifestOf(assignments, `ClusterStaticEntry ${entry}`)["spec"]).toMatchObject({ parentID: alias });
  });

  test("have no token for the server, and the server no right to look at tokens, nodes and pods", () => {
    expect(JSON.stringify(agentPod(assignments))).not.toContain('"audience"');
    expect(JSON.stringify(agentPod([]))).toContain('"audience":"spire-server"');
    const roles = ["ClusterRole spire-server", "Role spire/spire-server"];
    const resources = (assignments: readonly string[]) =>
      roles
        .flatMap((role) => manifestOf(assignments, role)["rules"] as { resources: string[] }[])
        .flatMap((rule) => rule.resources);
    const gone = resources([]).filter((resource) => !resources(assignments).includes(resource));
    expect(gone).toEqual(["tokenreviews", "nodes", "pods"]);
  });

  test("are the parents of pods' entries: each of its own where it can be told by the node's name", () => {
    const shop = ["name=shop", "namespaces[0]=orders"].map((value) => `spire.workloads[0].${value}`);
    const manager = fileOf([...assignments, ...shop], "spire-server", "controller-manager.json");
    const path = name === "a certificate" ? "/spire/agent/x509pop/{{ .NodeMeta.Name }}" : "/ns/spire/sa/spire-agent";
    expect(manager).toMatchObject({ parentIDTemplate: `spiffe://{{ .TrustDomain }}${path}` });
    expect(fileOf(shop, "spire-server", "controller-manager.json")).not.toHaveProperty("parentIDTemplate");
  });

  test("pass every guardrail", () => {
    const facts = goodFacts(undefined, [...goodAssignments, ...assignments, "spire.ttl.agent=24h"]);
    const failed = judge(guardrails, facts).filter(({ verdict }) => verdict === "fail" || verdict === "warn");
    // The version of Cilium, as ever.
    expect(failed.map(({ guardrail }) => guardrail.name)).toEqual(["cilium-version"]);
  });
});

describe("an agent that attests once", () => {
  test.each(["AWS", "Google's cloud"])("keeps its key and certificate on the node's disk, with %s", (name) => {
    const { agent, plugins } = agentOf(of(name));
    expect(plugins["KeyManager"]).toEqual([{ disk: { plugin_data: { directory: agent["data_dir"] } } }]);
    const mount = agentPod(of(name)).containers[0]?.volumeMounts.find(
      ({ mountPath }) => mountPath === agent["data_dir"],
    );
    expect(agentPod(of(name)).volumes.find((volume) => volume.name === mount?.name)?.hostPath?.path).toBe(
      "/var/lib/spire/agent",
    );
    // With which SPIRE's agent would not start.
    expect(agent).toMatchObject({ rebootstrap_mode: "never" });
  });

  test("is another than one that may attest again, which has neither and starts again from the published bundle", () => {
    for (const assignments of [[], certificate, of("a TPM")]) {
      expect(agentOf(assignments).plugins["KeyManager"]).toEqual([{ memory: { plugin_data: {} } }]);
      expect(agentOf(assignments).agent).toMatchObject({ rebootstrap_mode: "always" });
      expect(hostPaths(assignments)).not.toContain("/var/lib/spire/agent");
    }
  });
});

describe("a node's certificate", () => {
  const next = new Authority().certificate;
  const both = ["spire.nodeAttestor.x509pop.ca=" + nodesCa + next];

  test("is read from a directory of the node, and its key is in nothing that is deployed", () => {
    expect(hostPaths(certificate)).toContain("/etc/spire/node");
    expect(hostPaths([...certificate, "spire.nodeAttestor.x509pop.directory=/opt/pki/node"])).toContain(
      "/opt/pki/node",
    );
    expect(JSON.stringify(objectsWith(certificate))).not.toContain("PRIVATE KEY");
  });

  test("may be of two CAs, while one takes over from the other: each tells nodes, and the server reads both", () => {
    expect(
      aliases(both).map(({ metadata: { name }, spec }) => [name, (spec as { selectors: string[] }).selectors]),
    ).toEqual([
      ["cilium-node-alias", [`x509pop:ca:fingerprint:${sha1Of(nodesCa)}`]],
      [`cilium-node-alias-${sha1Of(next).slice(0, 16)}`, [`x509pop:ca:fingerprint:${sha1Of(next)}`]],
    ]);
    expect((manifestOf(both, "ConfigMap spire/spire-server")["data"] as Record<string, string>)["ca.pem"]).toBe(
      nodesCa + next,
    );
  });

  test("of another CA restarts the server, which reads them only when it starts", () => {
    const hash = (assignments: readonly string[]) =>
      (
        manifestOf(assignments, "StatefulSet spire/spire-server")["spec"] as {
          template: { metadata: { annotations: object } };
        }
      ).template.metadata.annotations;
    expect(hash(both)).not.toEqual(hash(certificate));
  });
});

describe("a TPM", () => {
  test("is told by a file of the name of its hash, and opened by privileged agents, alone among attestors", () => {
    const { volumes } = podOf(of("a TPM"), "StatefulSet spire/spire-server");
    const items = tpms.map((hash) => ({ key: hash, path: hash }));
    expect(volumes.find(({ name }) => name === "nodes")?.configMap?.items).toEqual(items);
    const privileged = attestors.filter(({ assignments }) =>
      JSON.stringify(agentPod(assignments).containers).includes('"privileged":true'),
    );
    expect(privileged.map(({ name }) => name)).toEqual(["a TPM"]);
  });

  test("has plugins that find somewhere to write in a container of which nothing else can be written to", () => {
    for (const pod of [agentPod(of("a TPM")), podOf(of("a TPM"), "StatefulSet spire/spire-server")]) {
      const { env, volumeMounts } = pod.containers[0] ?? expect.fail("no container");
      const directory = env.find(({ name }) => name === "TMPDIR")?.value;
      expect(volumeMounts.find(({ mountPath }) => mountPath === directory)).toEqual({
        name: "plugins",
        mountPath: directory,
      });
    }
  });
});

describe("an account at a cloud", () => {
  test.each([
    ["eks.amazonaws.com/role-arn", "AWS", "awsIid.roleArn", "arn:aws:iam::123456789012:role/spire"],
    ["iam.gke.io/gcp-service-account", "Google's cloud", "gcpIit.serviceAccount", "spire@a.iam.gserviceaccount.com"],
  ])("by which the server looks at instances is that of %s", (annotation, name, key, value) => {
    const { metadata } = manifestOf(
      [...of(name), `spire.nodeAttestor.${key}=${value}`],
      "ServiceAccount spire/spire-server",
    );
    expect(metadata.annotations?.[annotation]).toBe(value);
  });

  test("is reached where the servers' calls are told", () => {
    const egress = (assignments: readonly string[]) =>
      JSON.stringify(
        find([...assignments, "spire.egressPolicy=true"], "CiliumNetworkPolicy spire/spire-server-egress")?.manifest,
      );
    expect(egress(of("AWS"))).toContain("169.254.0.0/16");
    expect(egress(certificate)).not.toContain("169.254.0.0/16");
  });
});

describe("the configuration", () => {
  test("says what is wrong of every attestor, and what to write instead, without what may be a key", async () => {
    const stranger = new Authority();
    const { key } = stranger;
    const mistakes = [
      [`spire.nodeAttestor.x509pop.ca=${nodesCa}${key}`],
      ["spire.nodeAttestor.x509pop.ca=nodes-ca.pem"],
      [`spire.nodeAttestor.x509pop.ca=${stranger.issue({ commonName: "node1" }).certificate}`],
      [...certificate, "spire.nodeAttestor.x509pop.directory=/etc"],
      [...certificate, "spire.nodeAttestor.x509pop.directory=/etc/spire/../kubernetes"],
      [...of("Google's cloud"), ...of("AWS")],
      ["spire.nodeAttestor.awsIid={}"],
      ["spire.nodeAttestor.awsIid.selectors[0]=region:eu-central-1"],
      [
        ...of("AWS"),
        "spire.nodeAttestor.awsIid.roleArn=arn:aws:iam::123456789012:role/a",
        'spire.keyManager.awsKms={"region":"eu-central-1","roleArn":"arn:aws:iam::123456789012:role/b"}',
      ],
      [
        "spire.nodeAttestor.gcpIit.project=platform-123456",
        "spire.nodeAttestor.gcpIit.selectors[0]=zone:europe-west3-a",
      ],
      of("a TPM").filter((assignment) => !assignment.startsWith("spire.images")),
      [...of("a TPM"), "spire.nodeAttestor.tpm.hashes[0]=ab"],
      [...of("AWS"), "spire.install=external", "spire.external.serverAddress=spire-server.spire.svc:8081"],
      [...certificate, 'spire.entries[0]={"name":"cilium-node-alias-1","path":"/a","selectors":["unix:uid:0"]}'],
    ].map((assignments) => problemOf(...assignments));
    expect(mistakes.join("\n")).not.toContain(key.split("\n")[1]);
    await expect(`${mistakes.join("\n\n")}\n`).toMatchFileSnapshot("../../golden/attestor-errors.txt");
  });
});
