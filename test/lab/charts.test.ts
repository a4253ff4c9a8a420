import { spawnSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load, loadAll } from "js-yaml";
import { beforeAll, describe, expect, test } from "vitest";
import { ciliumArgs } from "../../plan/args";
import { ciliumValues } from "../../components/cilium/values";
import type { KubernetesObject } from "../../core/util/kubernetes";
import { describeObject } from "../../core/util/kubernetes";
import { supported, minorOf } from "../../core/schema/versions";
import { buildTool, downloadModule } from "../../tools/go";
import { configOf, helm as ownRelease } from "../support/stacks";

/** Cilium's source, which has its chart, at one version of each supported minor. */
const versions = {
  "1.18.3": "h1:E0SnxNDeWJ3AtO6IX0oIsJdODT71M/QCcj9LjuLdGK0=",
  "1.19.3": "h1:foJrHPk45HwshOd8Qf/kptf9JxPfNySkIDKsetZa9+Y=",
  "1.20.2": "h1:dqiEGIcXc+gqCLYG/l7VCFJ8GHyb4HUrwbZOpkX5dL8=",
};

let helm: string;
beforeAll(() => {
  helm = buildTool("helm");
});

test("every supported minor version of Cilium is among them", () => {
  expect(Object.keys(versions).map(minorOf)).toEqual(supported.cilium);
});

describe.each(Object.entries(versions))("the chart of Cilium %s", (version, sum) => {
  let chart: string;
  beforeAll(() => {
    chart = join(downloadModule("github.com/cilium/cilium", `v${version}`, sum), "install/kubernetes/cilium");
  });

  /** Our values for a configuration, and what the chart makes of them. */
  function render(...assignments: string[]) {
    const values = ciliumValues(ciliumArgs(configOf("apps", `cluster.cilium.version=${version}`, ...assignments)));
    const { stdout, stderr, status } = spawnSync(
      helm,
      ["template", "cilium", chart, "--namespace", "kube-system", "--kube-version", "1.34", "--values", "-"],
      { input: JSON.stringify(values), encoding: "utf8", maxBuffer: 1 << 28 },
    );
    expect([status, stderr]).toEqual([0, ""]);
    const objects = (loadAll(stdout) as (KubernetesObject | null)[]).filter((object) => object !== null);
    const find = (name: string) => objects.find((object) => describeObject(object) === name) ?? expect.fail(name);
    const config = find("ConfigMap kube-system/cilium-config")["data"] as Record<string, string>;
    return { values, objects, find, config };
  }
  const templateOf = (object: KubernetesObject) =>
    (object["spec"] as { template: { metadata: { annotations: object }; spec: Pod } }).template;
  interface Pod {
    readonly securityContext?: object;
    readonly tolerations?: readonly object[];
    readonly initContainers?: readonly { name: string; image: string; command: string[]; securityContext: object }[];
    readonly volumes: readonly { name: string; hostPath?: { path: string } }[];
  }
  const socketsOf = (object: KubernetesObject) =>
    templateOf(object).spec.volumes.find(({ name }) => name === "spire-agent-socket")?.hostPath?.path;
  const workloads = ["DaemonSet kube-system/cilium", "Deployment kube-system/cilium-operator"] as const;

  test("knows every key that we write", () => {
    const known = load(readFileSync(join(chart, "values.yaml"), "utf8"));
    for (const install of ["managed", "bundled"])
      expect(unknownKeys(render(`spire.install=${install}`).values, known)).toEqual([]);
  });

  test("has authentication on by both flags, with our SPIRE, and mounts its sockets where our agents have them", () => {
    const { config, find, objects } = render();
    expect(config).toMatchObject({
      "mesh-auth-enabled": "true",
      "mesh-auth-mutual-enabled": "true",
      "mesh-auth-spire-server-address": "spire-server.spire.svc:8081",
      "mesh-auth-spiffe-trust-domain": "apps.zt.internal",
      "mesh-auth-spire-admin-socket": "/run/spire/sockets/admin.sock",
      "mesh-auth-spire-agent-socket": "/run/spire/sockets/agent/agent.sock",
    });
    expect(workloads.map((name) => socketsOf(find(name)))).toEqual(["/run/spire/sockets", "/run/spire/sockets/agent"]);
    expect(objects.filter(({ metadata }) => metadata.namespace?.includes("spire"))).toEqual([]);
  });

  test("has it off when the flag is, and rolls its pods on the way, since they read their configuration at start alone", () => {
    const [on, off] = [render(), render("auth=false")];
    expect(off.config).toMatchObject({ "mesh-auth-enabled": "false" });
    expect(off.config["mesh-auth-mutual-enabled"] ?? "false").toBe("false");
    for (const name of workloads) {
      expect(socketsOf(off.find(name))).toBeUndefined();
      const annotations = (rendered: typeof on) => templateOf(rendered.find(name)).metadata.annotations;
      expect(annotations(off)).toHaveProperty(["cilium.io/cilium-configmap-checksum"]);
      expect(annotations(off)).not.toEqual(annotations(on));
    }
    const names = ({ objects }: typeof on) => objects.map(describeObject).sort();
    expect(names(off)).toEqual(names(on));
  });

  test("installs SPIRE itself where it is bundled: in our namespace, as one user that owns its socket's directory, on every node", () => {
    const { find, objects } = render("spire.install=bundled", "spire.storage.className=fast");
    expect(objects.filter(({ kind, metadata }) => kind === "Namespace" && metadata.name === "spire")).toEqual([]);
    const server = find("StatefulSet spire/spire-server");
    const { spec } = templateOf(server);
    expect(spec.securityContext).toEqual({ runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 });
    expect(spec.initContainers?.map(({ command }) => command)).toEqual([["chown", "1000:1000", "/sockets"]]);
    expect(spec.volumes.map(({ name }) => name)).toContain("spire-server-socket");
    expect(JSON.stringify(server["spec"])).toContain('"storageClassName":"fast"');
    expect(templateOf(find("DaemonSet spire/spire-agent")).spec.tolerations).toContainEqual({ operator: "Exists" });
  });

  test("takes a bundled SPIRE away when the flag goes off, all of it, as render says", () => {
    const spire = (...assignments: string[]) =>
      render("spire.install=bundled", ...assignments).objects.filter(({ metadata }) =>
        /spire/.test(metadata.namespace ?? metadata.name),
      );
    expect(spire().length).toBeGreaterThan(8);
    expect(spire("auth=false")).toEqual([]);
  });

  test("takes a release of our own with all other values, which differ by nothing but authentication from what they would be alone", () => {
    const { config } = render(...ownRelease);
    expect(config).toMatchObject({
      "enable-wireguard": "true",
      "kube-proxy-replacement": "true",
      "mesh-auth-enabled": "true",
    });
  });
});

/** Paths in our values that the chart's own values have not. A value that is a list, or that the chart leaves open, may hold anything. */
function unknownKeys(ours: unknown, theirs: unknown, path = ""): string[] {
  if (typeof ours !== "object" || ours === null || Array.isArray(ours)) return [];
  return Object.entries(ours).flatMap(([key, value]) => {
    const at = `${path}.${key}`;
    if (typeof theirs !== "object" || theirs === null || !(key in theirs)) return isOpen(theirs) ? [] : [at];
    return unknownKeys(value, (theirs as Record<string, unknown>)[key], at);
  });
}

const isOpen = (value: unknown) => typeof value === "object" && value !== null && Object.keys(value).length === 0;
