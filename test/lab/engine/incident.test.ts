import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, dirname, join, resolve } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bundle } from "../../../cli/lib/bundle";
import { until } from "../../../lab/until";
import { authenticating, bundleOf } from "../../verify/health/healthy";
import { commandsOf } from "../page";
import { ciliumObjects } from "./ciliumObjects";
import { LabStack, policy, withoutPack } from "./stack";

// The commands of docs/incident.md, as they stand there, each against the fault that it is for.

const blocks = commandsOf("incident", "test/lab/engine/incident.test.ts");
const ran = new Set<string>();

let stack: LabStack;
let programs: string;
const kubectl = (...args: readonly string[]) => stack.plane.kubectl(args);

interface Said {
  readonly status: number | null;
  readonly output: string;
}

/** Runs a script where a user does, who answers every question with yes. */
function shell(script: string, environment: NodeJS.ProcessEnv = {}): Said {
  const { project } = stack;
  const { status, stdout, stderr } = spawnSync("bash", ["-e", "-o", "pipefail", "-c", script], {
    cwd: project.directory,
    env: {
      ...project.environment,
      ...withoutPack,
      PATH: [programs, project.environment["PATH"]].join(delimiter),
      PULUMI_SKIP_CONFIRMATIONS: "true",
      ...environment,
    },
    encoding: "utf8",
    maxBuffer: 1 << 28,
  });
  return { status, output: stdout + stderr };
}

/** Runs the commands of a block: what they said. */
function run(name: string, environment: NodeJS.ProcessEnv = {}): Said {
  ran.add(name);
  return shell(blocks.get(name) ?? expect.fail(`no block ${name}`), environment);
}
/** The same where they have to do what they are for. */
function must(name: string, environment: NodeJS.ProcessEnv = {}): string {
  const { status, output } = run(name, environment);
  if (status !== 0) throw new Error(`${name} ended with ${status}:\n${output}`);
  return output;
}

/** The checks of `npm run verify` that fail, in its order, and what each saw. */
function failures(): Map<string, string> {
  const { output } = run("ask");
  return new Map([...output.matchAll(/^ +FAIL +([\w-]+) +(.*)$/gm)].map(([, check = "", saw = ""]) => [check, saw]));
}
const nothingFails = () =>
  until("nothing fails", () => failures().size === 0, { seconds: 90, detail: () => run("ask").output });
/** Until a check is the first that fails. @returns what it saw */
async function begins(check: string): Promise<string> {
  let found = failures();
  await until(`${check} fails first`, () => [...(found = failures()).keys()][0] === check, {
    seconds: 60,
    detail: () => JSON.stringify([...found]),
  });
  return found.get(check) ?? expect.fail();
}

/** Cilium as its chart and its pods have it with authentication on or off, in the place of what delivers it. */
function runCilium(on: boolean): void {
  const off = Object.fromEntries(Object.keys(authenticating).map((key) => [key, "false"]));
  const labels = { agent: { "k8s-app": "cilium" }, operator: { "io.cilium/app": "operator" } };
  stack.apply("helm", ciliumObjects(on ? authenticating : off, on, labels));
  for (const name of ["daemonset/cilium", "deployment/cilium-operator"])
    kubectl("rollout", "status", name, "--namespace", "kube-system", "--timeout", "60s");
}

/** On again after an off, and back in `require`. */
async function turnOn(): Promise<void> {
  stack.setFlag("true");
  stack.up(withoutPack);
  runCilium(true);
  await until("callers have to authenticate", () => {
    stack.up(withoutPack);
    return stack.recorded()?.phase === "require";
  });
}
const demanded = () => Object.values(stack.demands()).flat();
/** What the specifications of the policy of the namespace orders say of themselves. */
const descriptions = () =>
  kubectl("get", `ciliumnetworkpolicy/${policy}`, "--namespace=orders", "--output=jsonpath={.specs[*].description}");
const edit = (object: string, namespace: string, value: object, ...more: readonly string[]) =>
  kubectl("patch", object, "--namespace", namespace, "--type", "merge", "--patch", JSON.stringify(value), ...more);

beforeAll(async () => {
  programs = mkdtempSync(join(tmpdir(), "zero-trust-npm-"));
  for (const command of ["verify", "render"])
    bundle(`cli/${command}/main.ts`, resolve(".build", `incident-${command}.js`), ["@kubernetes/client-node"]);
  const built = resolve(".build");
  // `npm run NAME -- ARGUMENTS`, without bundling each time.
  writeFileSync(join(programs, "npm"), `#!/bin/sh\nname=$2\nshift 3\nexec node ${built}/incident-$name.js "$@"\n`, {
    mode: 0o755,
  });
  stack = await LabStack.start();
  await turnOn();
  stack.apply("lab", [
    {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "spire-bundle", namespace: "spire" },
      data: { "bundle.spiffe": bundleOf(24 * 3650) },
    },
  ]);
  await nothingFails();
});
afterAll(async () => {
  await stack?.stop();
  rmSync(programs, { recursive: true, force: true });
});

describe("Cilium runs with something else", () => {
  test("is named with who wrote it, and pods that are older are restarted", async () => {
    edit(
      "configmap/cilium-config",
      "kube-system",
      { data: { "mesh-auth-mutual-enabled": "false" } },
      "--field-manager=an-editor",
    );
    expect(await begins("cilium-flags")).toMatch(/one flag without the other: mesh-auth-mutual-enabled is false/);
    expect(must("cilium-config")).toContain("manager: an-editor");
    runCilium(true);
    expect(await begins("cilium-rolled")).toMatch(/older than their configuration/);
    must("cilium-restart");
    await nothingFails();
  });
});

describe("a policy was changed", () => {
  test.each([
    [
      "edited",
      () => edit(`ciliumnetworkpolicy/${policy}`, "orders", { specs: [{ endpointSelector: {}, ingress: [{}] }] }),
    ],
    ["deleted", () => kubectl("delete", "ciliumnetworkpolicy", policy, "--namespace", "orders")],
  ])("%s: it is written as it was", async (_, breaks) => {
    breaks();
    await begins("policies");
    expect(must("policies")).toMatch(/NAMESPACE +NAME +AGE +VALID|No resources found/);
    must("policies-fix");
    await nothingFails();
  });

  test("so that Cilium refuses it: it is named with the reason", async () => {
    // As Cilium says it, and takes it back.
    const valid = (status: string) => {
      const condition = { type: "Valid", status, message: "bad port", lastTransitionTime: "2026-01-01T00:00:00Z" };
      edit(`ciliumnetworkpolicy/${policy}`, "orders", { status: { conditions: [condition] } }, "--subresource=status");
    };
    valid("False");
    expect(await begins("policies-valid")).toContain(`Cilium refuses orders/${policy}: bad port`);
    expect(must("policies")).toMatch(new RegExp(`${policy} +\\S+ +False`));
    valid("True");
    await nothingFails();
  });
});

describe("new pods have no identity", () => {
  test("since an entry of Cilium's is gone: it is made again", async () => {
    kubectl("delete", "clusterstaticentry", "cilium-operator");
    expect(await begins("cilium-entries")).toContain("cilium-operator");
    must("entries-fix");
    await nothingFails();
  });

  test("since Cilium's operator has not registered them: it is started again", () => {
    const pods = () =>
      kubectl("get", "pods", "--namespace", "kube-system", "--selector", "io.cilium/app=operator", "--output", "name");
    const before = pods();
    must("operator-restart");
    expect(pods()).not.toContain(before.trim());
  });
});

describe("one node only", () => {
  test("whose SPIRE agent is not ready is named, and gets another agent", async () => {
    const [pod = "", node = ""] = kubectl(
      ...["get", "pods", "--namespace", "spire", "--selector", "app.kubernetes.io/name=spire-agent"],
      ...["--output", "jsonpath={.items[0].metadata.name} {.items[0].spec.nodeName}"],
    ).split(" ");
    const conditions = [{ type: "Ready", status: "False" }];
    kubectl(
      ...["patch", "pod", pod, "--namespace", "spire", "--subresource=status", "--type", "strategic"],
      ...["--patch", JSON.stringify({ status: { conditions } })],
    );
    expect(await begins("spire-agents")).toContain(node);
    expect(must("node")).toMatch(new RegExp(`${pod} .* ${node} `));
    must("node-fix", { NODE: node });
    await nothingFails();
  });
});

describe("SPIRE's server is away", () => {
  test("scaled down: it is scaled up", async () => {
    kubectl("scale", "statefulset/spire-server", "--namespace", "spire", "--replicas=0");
    expect(await begins("spire-server")).toMatch(/scaled to 0/);
    expect(run("server").output).toMatch(/statefulset\.apps\/spire-server +0\/0/);
    must("server-fix");
    expect(must("server")).toMatch(/statefulset\.apps\/spire-server +1\/1/);
    await nothingFails();
  });
});

describe("Flux has other values", () => {
  /** As much of the kind as is looked at. */
  const kind = { plural: "helmreleases", singular: "helmrelease", kind: "HelmRelease", listKind: "HelmReleaseList" };
  const schema = { openAPIV3Schema: { type: "object", "x-kubernetes-preserve-unknown-fields": true } };
  const name = "helmreleases.helm.toolkit.fluxcd.io";

  test("is said in a preview, and taken out of the HelmRelease", () => {
    stack.apply("lab", [
      {
        apiVersion: "apiextensions.k8s.io/v1",
        kind: "CustomResourceDefinition",
        metadata: { name },
        spec: {
          group: "helm.toolkit.fluxcd.io",
          names: kind,
          scope: "Namespaced",
          versions: [{ name: "v2", served: true, storage: true, schema }],
        },
      },
    ]);
    kubectl("wait", "--for=condition=Established", `customresourcedefinition/${name}`, "--timeout=60s");
    const valuesFrom = [{ kind: "ConfigMap", name: "cilium-zero-trust-values", optional: true }];
    stack.apply("kustomize-controller", [
      {
        apiVersion: "helm.toolkit.fluxcd.io/v2",
        kind: "HelmRelease",
        metadata: { name: "cilium", namespace: "kube-system" },
        spec: { suspend: true, valuesFrom, values: { authentication: { enabled: true } } },
      },
    ]);
    const { status, output } = run("flux");
    expect(status).not.toBe(0);
    expect(output).toContain("HelmRelease kube-system/cilium spec.values.authentication wins over the ConfigMap");
    expect(output).toContain("HelmRelease kube-system/cilium is suspended");
    must("flux-fix");
    const after = must("flux");
    expect(after).not.toContain("HelmRelease");
    kubectl("delete", "customresourcedefinition", name);
  });
});

describe("pulumi up fails", () => {
  test("since an update was killed: it is unlocked, and the next one goes on", () => {
    stack.set("spire.ttl.jwtSvid", "6m");
    stack.failingUp({ ...withoutPack, ZT_KILL_AFTER: "spire-server-config" });
    const { status, output } = shell("pulumi up --stack apps");
    expect(status).not.toBe(0);
    expect(output).toContain("the stack is currently locked");
    must("unlock");
    expect(stack.recorded()).toEqual({ auth: true, phase: "require" });
  });

  test("since the context leads to another cluster: which one is shown, and can be written", () => {
    const identity = "11111111-1111-1111-1111-111111111111";
    stack.set("cluster.identity", identity);
    expect(shell("pulumi up --stack apps").output).toContain(
      `The context apps leads to the cluster ${stack.identity}, but this stack belongs to ${identity}`,
    );
    const shown = must("cluster");
    expect(shown).toContain(stack.identity);
    expect(shown).toContain(identity);
    must("cluster-fix");
    expect(shell("pulumi preview --stack apps --expect-no-changes")).toMatchObject({ status: 0 });
  });

  test("since helm was killed: what it left is deleted, and the next one goes on", async () => {
    const chart = join(programs, "chart");
    const file = (path: string, content: object) => {
      mkdirSync(dirname(join(chart, path)), { recursive: true });
      writeFileSync(join(chart, path), JSON.stringify(content));
    };
    file("Chart.yaml", { apiVersion: "v2", name: "cilium", version: "1.19.3" });
    // Nothing makes its condition true, so that helm waits.
    const metadata = { name: "waits" };
    file("templates/claim.yaml", {
      apiVersion: "v1",
      kind: "PersistentVolumeClaim",
      metadata,
      spec: {
        accessModes: ["ReadWriteOnce"],
        storageClassName: "nobody",
        resources: { requests: { storage: "1Gi" } },
      },
    });
    const helm = `helm --kube-context apps --namespace kube-system upgrade cilium ${chart} --install`;
    expect(shell(`${helm} --set debug.enabled=true`)).toMatchObject({ status: 0 });
    const env = { ...process.env, KUBECONFIG: stack.plane.kubeconfig };
    const waiting = spawn("bash", ["-c", `exec ${helm} --reuse-values --set second=true --wait`], {
      env,
      stdio: "ignore",
    });
    const ended = once(waiting, "exit");
    const locked = ["--namespace", "kube-system", "--selector", "owner=helm,status=pending-upgrade"];
    await until("helm is at it", () => kubectl("get", "secret", ...locked, "--output", "name") !== "");
    waiting.kill("SIGKILL");
    await ended;
    expect(shell(helm).output).toContain("another operation");
    must("helm-fix");
    expect(shell(`${helm} --reuse-values`)).toMatchObject({ status: 0 });
  });

  test("since the release that it is to take over has values that would be lost: they are named before anything is written", () => {
    const changed = {
      delivery: "helm",
      valuesFile: "test/fixtures/cilium-values.yaml",
      chart: join(programs, "chart"),
    };
    for (const [key, value] of Object.entries(changed)) stack.set(`cluster.cilium.${key}`, value);
    const { status, output } = shell("pulumi preview --stack apps");
    expect(status).not.toBe(0);
    expect(output).toContain("The Helm release kube-system/cilium has values that are not this stack's");
    expect(output).toMatch(/dropped +debug\.enabled +true/);
    stack.set("cluster.cilium.delivery", "flux");
    for (const key of ["valuesFile", "chart"])
      stack.project.must(["config", "rm", "--stack", "apps", "--path", `cluster.cilium.${key}`]);
    expect(shell("helm --kube-context apps --namespace kube-system uninstall cilium")).toMatchObject({ status: 0 });
  });
});

describe("turned off", () => {
  test("by the commands without Pulumi that are printed: first the policies, then Cilium's values", () => {
    const commands = must("break-glass")
      .split("\n")
      .filter((line) => /^(kubectl|printf) .* (replace|apply) /.test(line));
    expect(demanded()).toEqual(["required"]);
    for (const command of commands) expect(shell(command)).toMatchObject({ status: 0 });
    expect(demanded()).toEqual([]);
    expect(stack.enabled()).toBe(false);
    expect(shell("pulumi up --refresh --stack apps")).toMatchObject({ status: 0 });
    expect(demanded()).toEqual(["required"]);
  });

  test("by Pulumi: nobody has to authenticate, and whoever was denied still is", () => {
    must("off");
    runCilium(false);
    expect(stack.recorded()).toEqual({ auth: false, phase: "allow" });
    expect(demanded()).toEqual([]);
    expect(stack.enabled()).toBe(false);
    expect(descriptions()).toMatch(/Nobody may call the pods of orders/);
  });

  test("and somebody else's policy still demands it: it is named, and can be relaxed", async () => {
    const ingress = [{ fromEntities: ["cluster"], authentication: { mode: "required" } }];
    stack.apply("somebody", [
      {
        apiVersion: "cilium.io/v2",
        kind: "CiliumNetworkPolicy",
        metadata: { name: "legacy", namespace: "orders" },
        spec: { endpointSelector: {}, ingress },
      },
    ]);
    expect(await begins("demands")).toMatch(/authentication is off, and .*orders\/legacy demands it/);
    expect(must("demands")).toMatch(/^CiliumNetworkPolicy orders\/legacy required/m);
    must("demands-fix");
    await nothingFails();
  });

  test("and whom no intent names is let in again: a namespace that denies nobody", () => {
    must("open");
    expect(stack.recorded()).toEqual({ auth: false, phase: "observe" });
    expect(descriptions()).not.toMatch(/Nobody may call/);
  });

  test("and a phase that is not earned stops the next update, until it is written back", () => {
    stack.set("rollout.greenfield", "[]");
    stack.set("rollout.phases.orders", "require");
    stack.setFlag("true");
    expect(shell("pulumi up --stack apps").output).toMatch(/one-step: .*rollout\.phases\.orders goes from observe/);
    must("phase-fix");
    expect(shell("pulumi up --stack apps")).toMatchObject({ status: 0 });
  });
});

test("every command block of the page has been run, and every block is one of these", () => {
  expect([...ran].sort()).toEqual([...blocks.keys()].sort());
  expect(readFileSync("docs/incident.md", "utf8").match(/^```bash$/gm)).toHaveLength(blocks.size);
});
