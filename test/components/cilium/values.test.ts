import { describe, expect, test } from "vitest";
import { ciliumArgs } from "../../../plan/args";
import { ciliumAuthObjects, ciliumRelease } from "../../../components/cilium/objects";
import { ciliumValues } from "../../../components/cilium/values";
import { configOf, helm } from "../../support/stacks";

const argsOf = (...assignments: string[]) => ciliumArgs(configOf("apps", ...assignments));
const valuesOf = (...assignments: string[]) => ciliumValues(argsOf(...assignments));
const bundled = "spire.install=bundled";
const external = ["spire.install=external", "spire.external.serverAddress=spire.corp:443"];

describe("the values for Cilium's chart", () => {
  test.each([true, false])(
    "spell the flag out when it is %s: both halves, and the rollouts without which nothing happens",
    (auth) => {
      expect(valuesOf(`auth=${auth}`)).toEqual({
        authentication: {
          enabled: auth,
          mutual: {
            spire: {
              enabled: auth,
              install: { enabled: false },
              serverAddress: "spire-server.spire.svc:8081",
              trustDomain: "apps.zt.internal",
              adminSocketPath: "/run/spire/sockets/admin.sock",
              agentSocketPath: "/run/spire/sockets/agent/agent.sock",
            },
          },
        },
        rollOutCiliumPods: true,
        operator: { rollOutPods: true },
      });
    },
  );

  test("name the SPIRE that is already there", () => {
    expect(
      valuesOf(...external, "spire.external.adminSocketPath=/run/s/admin.sock").authentication.mutual.spire,
    ).toMatchObject({
      install: { enabled: false },
      serverAddress: "spire.corp:443",
      adminSocketPath: "/run/s/admin.sock",
      agentSocketPath: "/run/spire/sockets/agent/agent.sock",
    });
  });

  test("let Cilium's chart install SPIRE: in our namespace, as one user that owns what it writes, on every node", () => {
    expect(valuesOf(bundled, "spire.storage.className=fast").authentication.mutual.spire.install).toMatchObject({
      enabled: true,
      namespace: "spire",
      existingNamespace: true,
      agent: { tolerations: [{ operator: "Exists" }], skipKubeletVerification: false },
      server: {
        podSecurityContext: { runAsUser: 1000, runAsGroup: 1000, fsGroup: 1000 },
        initContainers: [{ command: ["chown", "1000:1000", "/sockets"], securityContext: { runAsUser: 0 } }],
        dataStorage: { enabled: true, size: "1Gi", storageClass: "fast" },
      },
    });
  });
});

describe("a release of our own", () => {
  test("has all values of the file, and ours beside them", () => {
    const release = ciliumRelease("cilium-auth", argsOf(...helm));
    expect(release?.args).toMatchObject({
      name: "cilium",
      namespace: "kube-system",
      version: "1.19.3",
      chart: "cilium",
      repositoryOpts: { repo: "https://helm.cilium.io" },
      values: {
        ...valuesOf(),
        kubeProxyReplacement: true,
        encryption: { enabled: true, type: "wireguard" },
        operator: { replicas: 2, rollOutPods: true },
      },
    });
  });

  test("differs between on and off in the two halves of the flag alone", () => {
    const json = (auth: boolean) => JSON.stringify(ciliumRelease("cilium-auth", argsOf(...helm, `auth=${auth}`)));
    expect(
      json(true).replaceAll(
        '"enabled":true,"mutual":{"spire":{"enabled":true',
        '"enabled":false,"mutual":{"spire":{"enabled":false',
      ),
    ).toBe(json(false));
  });

  test("comes from a folder or a registry where the configuration says so", () => {
    const release = ciliumRelease("cilium-auth", argsOf(...helm, "cluster.cilium.chart=oci://registry.corp/cilium"));
    expect(release?.args.chart).toBe("oci://registry.corp/cilium");
    expect(release?.args).not.toHaveProperty("repositoryOpts");
  });

  test("replaces the values ConfigMap; with flux there is no release, and with none neither", () => {
    const owned = (...assignments: string[]) => [
      ciliumAuthObjects("cilium-auth", argsOf(...assignments)).length,
      ciliumRelease("cilium-auth", argsOf(...assignments)) !== undefined,
    ];
    expect(owned()).toEqual([1, false]);
    expect(owned(...helm)).toEqual([0, true]);
    expect(owned("cluster.cilium.delivery=none")).toEqual([0, false]);
  });
});
