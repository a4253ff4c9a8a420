import { describe, expect, test } from "vitest";
import { describeObject } from "../../../core/util/kubernetes";
import { plan } from "../../../plan/plan";
import { recordOf } from "../../../core/rollout/record";
import { configOf } from "../../support/stacks";
import { manifestOf, objectsWith } from "./planned";

const manifests = (...assignments: string[]) => objectsWith(assignments).map(({ manifest }) => manifest);

describe("the size of SPIRE", () => {
  test("is small where nothing is said, which says nothing new", () => {
    expect(manifests("spire.size=small")).toEqual(manifests());
    expect(JSON.stringify(plan(configOf("apps"), {}).components)).not.toContain('"size":"small"');
  });

  test.each([
    ["medium", "2", "2Gi"],
    ["large", "8", "12Gi"],
  ])(
    "%s gives the server %s processors and up to %s, and has a tenth of the agents replaced at a time",
    (size, cpu, memory) => {
      const pod = (name: string) => JSON.stringify(manifestOf([`spire.size=${size}`], name));
      expect(pod("StatefulSet spire/spire-server")).toContain(`"requests":{"cpu":"${cpu}",`);
      expect(pod("StatefulSet spire/spire-server")).toContain(`"limits":{"memory":"${memory}",`);
      expect(pod("DaemonSet spire/spire-agent")).toContain('"rollingUpdate":{"maxUnavailable":"10%"}');
    },
  );

  test("changes in place: the server and the agents roll, and nothing else is touched, made or replaced", () => {
    const [small, large] = [manifests(), manifests("spire.size=large")];
    expect(recordOf(large)).toEqual(recordOf(small));
    const changed = large.filter((manifest, i) => JSON.stringify(manifest) !== JSON.stringify(small[i]));
    expect(changed.map(describeObject)).toEqual(["StatefulSet spire/spire-server", "DaemonSet spire/spire-agent"]);
  });
});
