import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { describeObject } from "../../../core/util/kubernetes";
import { until } from "../../../lab/until";
import { faults, policiesOf, TurnedOn } from "./byHand";
import { BusyServer } from "./busyServer";
import { type LabStack, values } from "./stack";

// Authentication is turned off by the user's own two commands, and by those that `render --break-glass` prints, whatever somebody has done to the cluster before. Every object of the stack:
// byHandEach.test.ts.

let stack: LabStack;
let on: TurnedOn;
beforeAll(async () => {
  on = await TurnedOn.start();
  ({ stack } = on);
});
afterAll(() => stack?.stop());
afterEach(() => on.restore());

describe.each(faults)("after $name, authentication can be turned off", (fault) => {
  afterEach(() => fault.undo?.(on));

  test("by the user's own two commands", async () => {
    await fault.make(on);
    on.expectOff();
  });

  test("by the commands for kubectl, and then by Pulumi", async () => {
    await fault.make(on);
    for (const command of on.breakGlassCommands()) on.shell(command);
    on.expectRelaxed();
    on.expectOff();
  });
});

describe("an update that turns authentication off says", () => {
  test("that missing policies stay away, and how they are made again", async () => {
    for (const policy of policiesOf(on)) await on.remove(policy);
    const output = on.expectOff();
    for (const policy of policiesOf(on)) {
      expect(output).toContain(`${describeObject(policy)} is missing`);
      expect(on.find(policy)).toBeUndefined();
    }
    expect(stack.project.must(["up", "--refresh", "--stack", "apps", "--yes"])).toContain("created");
    for (const policy of policiesOf(on)) expect(on.find(policy)).toBeDefined();
  });

  test("that missing values of Cilium's are made again", async () => {
    await on.remove(on.object(`ConfigMap kube-system/${values}`));
    expect(on.expectOff()).toContain(`ConfigMap kube-system/${values} is missing: this update makes it again`);
  });
});

describe("while the API server answers slowly and turns requests away (429), authentication can be turned off", () => {
  let server: BusyServer;
  beforeAll(async () => {
    server = await BusyServer.make(stack.plane);
    stack.project.environment["KUBECONFIG"] = server.kubeconfig;
  });
  afterAll(() => {
    stack.project.environment["KUBECONFIG"] = stack.plane.kubeconfig;
    server?.relieve();
  });

  test("by the user's own two commands", async () => {
    const before = server.turnedAway();
    const { status, output } = await server.busyWhile(() => on.startOff());
    expect({ status, output }).toMatchObject({ status: 0 });
    expect(server.turnedAway()).toBeGreaterThan(before);
    on.expectAllOff();
  });

  test("also where Cilium's values are missing", async () => {
    await on.remove(on.object(`ConfigMap kube-system/${values}`));
    const { status, output } = await server.busyWhile(() => on.startOff());
    expect({ status, output }).toMatchObject({ status: 0 });
    on.expectAllOff();
  });

  test("by the commands for kubectl", async () => {
    const commands = on.breakGlassCommands().join("\n");
    await server.busyWhile(() => on.startShell(commands));
    on.expectRelaxed();
  });
});

describe("where a webhook of somebody else's refuses every write, authentication can be turned off by the command that is named", () => {
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
  beforeEach(async () => {
    stack.apply("somebody", [configuration]);
    await until("writes are refused", refused);
  });
  afterEach(async () => {
    stack.plane.kubectl(["delete", "validatingwebhookconfiguration", "somebody-elses", "--ignore-not-found"]);
    await until("writes pass", () => !refused());
  });

  test("by Pulumi, in one message", async () => {
    const { status, output } = on.turnOff();
    expect(status).not.toBe(0);
    expect(output.match(/gone\.example\.com/g)?.length).toBeLessThan(5);
    const command = /^ +(kubectl --context .* patch .*)$/m.exec(output)?.[1] ?? expect.fail(output);
    expect(on.shell(command)).toMatchObject({ status: 0 });
    await until("writes pass", () => !refused());
    expect(stack.project.pulumi(["up", "--stack", "apps", "--yes"])).toMatchObject({ status: 0 });
    on.expectAllOff();
  });

  test("beside the commands for kubectl", async () => {
    const said = on.breakGlassCommands().map((command) => on.shell(command).output);
    expect(said.join("")).toContain('failed calling webhook "gone.example.com"');
    const [list, patch] = on
      .breakGlassText()
      .split("\n")
      .flatMap((line) => /^# (kubectl .*(?:mutatingwebhookconfigurations|failurePolicy).*)/.exec(line)?.[1] ?? []);
    const { output } = on.shell(list ?? expect.fail("no command"));
    const [, kind, name] = /^(\S+) (\S+): gone\.example\.com$/m.exec(output) ?? expect.fail(output);
    expect(on.shell(patch!.replace("KIND NAME", `${kind} ${name}`))).toMatchObject({ status: 0 });
    await until("writes pass", () => !refused());
    for (const command of on.breakGlassCommands()) on.shell(command);
    on.expectRelaxed();
  });
});
