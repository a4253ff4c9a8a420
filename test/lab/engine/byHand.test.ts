import { spawnSync } from "node:child_process";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { describeObject } from "../../../components/kubernetes";
import { until } from "../../../lab/until";
import { TurnedOn } from "./byHand";
import { type LabStack, policy, values, withoutPack } from "./stack";

// Authentication is turned off by the user's own two commands, whatever somebody has done to the cluster before. Every object of the stack: byHandEach.test.ts.

let stack: LabStack;
let on: TurnedOn;
beforeAll(async () => {
  on = await TurnedOn.start();
  ({ stack } = on);
});
afterAll(() => stack?.stop());
afterEach(() => on.restore());

const isPolicy = ({ kind }: { readonly kind: string }) => kind === "CiliumNetworkPolicy";
const policies = () => on.objects.filter(isPolicy);
const valuesObject = () => on.object(`ConfigMap kube-system/${values}`);

/** Whether the API server has the kind of the policies. */
function isKnown(): boolean {
  try {
    stack.demands();
    return true;
  } catch {
    return false;
  }
}

describe("authentication can be turned off", () => {
  test("after the policies were deleted, which stay away", async () => {
    for (const policy of policies()) await on.remove(policy);
    const output = on.expectOff();
    for (const policy of policies()) {
      expect(output).toContain(`${describeObject(policy)} is missing`);
      expect(on.find(policy)).toBeUndefined();
    }
    expect(stack.project.must(["up", "--refresh", "--stack", "apps", "--yes"])).toContain("created");
    for (const policy of policies()) expect(on.find(policy)).toBeDefined();
  });

  test("after Cilium's values were deleted, which are made again", async () => {
    await on.remove(valuesObject());
    expect(on.expectOff()).toContain(`ConfigMap kube-system/${values} is missing: this update makes it again`);
  });

  test("after another field manager took over the policies and the values", () => {
    for (const object of [...policies(), valuesObject()]) on.takeOver("kustomize-controller", object);
    on.expectOff();
  });

  test("while the policies and the values are being deleted, and a finalizer keeps them", async () => {
    const objects = [...policies(), valuesObject()];
    objects.forEach((object) => on.hang(object));
    on.expectOff();
    objects.forEach((object) => on.release(object));
    for (const object of objects) await on.untilGone(object);
  });

  test("while Cilium's values are being deleted, and go with the update, which takes the finalizer that kubectl set", () => {
    const finalizers = JSON.stringify({ metadata: { finalizers: ["example.com/by-kubectl"] } });
    const at = [`configmap/${values}`, "--namespace", "kube-system"];
    stack.plane.kubectl(["patch", ...at, "--type=merge", `--patch=${finalizers}`]);
    stack.plane.kubectl(["delete", ...at, "--wait=false"]);
    on.expectOff();
  });

  test("while the namespace of the policies is being deleted", async () => {
    const guard = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "guard", namespace: "orders" } };
    stack.apply("somebody", [guard]);
    on.hang(guard);
    stack.plane.kubectl(["delete", "namespace", "orders", "--wait=false"]);
    for (const policy of policies()) await on.untilGone(policy);
    on.expectOff();
    on.release(guard);
    await on.untilGone({ apiVersion: "v1", kind: "Namespace", metadata: { name: "orders" } });
    stack.plane.kubectl(["create", "namespace", "orders"]);
  });

  test("while the kind of the policies is being deleted", async () => {
    const name = "ciliumnetworkpolicies.cilium.io";
    const definition = JSON.parse(stack.plane.kubectl(["get", "crd", name, "--output=json"])) as {
      metadata: { name: string };
    };
    stack.plane.kubectl(["delete", "crd", name]);
    const { status, output } = on.turnOff();
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(stack.enabled()).toBe(false);
    expect(stack.recorded()).toEqual({ auth: false, phase: "allow" });
    const { apiVersion, kind, spec } = definition as unknown as { apiVersion: string; kind: string; spec: object };
    stack.apply("lab", [{ apiVersion, kind, metadata: { name }, spec }]);
    await until("the API server knows the kind again", () => isKnown());
  });

  test("after an update that failed half-way", async () => {
    stack.set("spire.ttl.x509Svid", "2h");
    stack.set("access[0].callers[0].serviceAccount", "checkout");
    await stack.denying(policy, () => stack.failingUp(withoutPack));
    on.expectOff();
  });
});

describe("where a webhook of somebody else's refuses every write", () => {
  const webhook = {
    name: "gone.example.com",
    admissionReviewVersions: ["v1"],
    sideEffects: "None",
    timeoutSeconds: 1,
    failurePolicy: "Fail",
    // Nobody listens there.
    clientConfig: { url: "https://127.0.0.1:1/" },
    rules: [{ apiGroups: ["*"], apiVersions: ["*"], operations: ["*"], resources: ["*"] }],
  };
  const configuration = {
    apiVersion: "admissionregistration.k8s.io/v1",
    kind: "ValidatingWebhookConfiguration",
    metadata: { name: "somebody-elses" },
    webhooks: [webhook],
  };
  const refused = () => {
    try {
      stack.plane.kubectl(["create", "configmap", "x", "--dry-run=server"]);
      return false;
    } catch {
      return true;
    }
  };
  afterEach(async () => {
    stack.plane.kubectl(["delete", "validatingwebhookconfiguration", "somebody-elses", "--ignore-not-found"]);
    await until("writes pass", () => !refused());
  });

  test("one message names it and the command that gets past it, which does", async () => {
    stack.apply("somebody", [configuration]);
    await until("writes are refused", refused);
    const { status, output } = on.turnOff();
    expect(status).not.toBe(0);
    expect(output.match(/gone\.example\.com/g)?.length).toBeLessThan(5);
    const command = /^ +(kubectl --context .* patch .*)$/m.exec(output)?.[1] ?? expect.fail(output);
    const { directory, environment } = stack.project;
    expect(spawnSync("sh", ["-c", command], { cwd: directory, env: environment, encoding: "utf8" })).toMatchObject({
      status: 0,
    });
    await until("writes pass", () => !refused());
    expect(stack.project.pulumi(["up", "--stack", "apps", "--yes"])).toMatchObject({ status: 0 });
    on.expectAllOff();
  });
});
