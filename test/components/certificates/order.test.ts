import { describe, expect, test } from "vitest";
import { previousFor } from "../../../plan/origins";
import { plan } from "../../../plan/plan";
import { types } from "../../../components/types";
import { configOf, helm } from "../../support/stacks";
import { spireBelow, withCertificates } from "./fixture";

const all = [withCertificates({ trust: {}, approval: true }), ...spireBelow];

/** What comes after what, for an update of the stack apps. */
function orderOf(assignments: readonly string[], from: "new" | "on" | "off" = "on") {
  const config = configOf("apps", ...assignments);
  const update = plan(config, previousFor(from, config));
  const after = Object.fromEntries(update.components.map((component) => [component.name, component.after]));
  return { update, after, names: update.components.map(({ name }) => name) };
}

describe("certificates", () => {
  test("come before SPIRE, whose CA they sign, on the way on", () => {
    const { after, names } = orderOf([...all, "auth=true"], "off");
    expect(after["certificates"]).toEqual([]);
    expect(after["spire"]).toEqual(["certificates"]);
    expect(names.indexOf("certificates")).toBeLessThan(names.indexOf("spire"));
  });

  test("hold up nothing where SPIRE signs for itself", () => {
    const { after } = orderOf([withCertificates(), "auth=true"]);
    expect(Object.values(after).flat()).not.toContain("certificates");
  });

  test("come last on the way off, when nothing waits for them, and whatever becomes of them off is recorded", () => {
    const { update, after } = orderOf([...all, "auth=false"]);
    expect(Object.values(after).flat()).not.toContain("certificates");
    expect(after["certificates"]).toEqual(expect.arrayContaining(["cilium-auth", "access-orders"]));
    expect(update.recordedAfter).not.toContain("certificates");
  });

  test("wait for the network where this stack brings it, and keep it waiting for nothing", () => {
    const on = orderOf([...all, ...helm, "auth=true"], "new").after;
    expect(on["certificates"]).toEqual(["cilium-auth"]);
    expect(on["spire"]).toEqual([]);
    expect(on["cilium-auth"]).toEqual(["spire-server-service"]);
    const off = orderOf([...all, ...helm, "auth=false"], "new").after;
    expect(off["certificates"]).toContain("cilium-auth");
    expect(Object.values(off).flat()).not.toContain("certificates");
  });

  test("are the same whatever the flag: it is not for them", () => {
    const [on, off] = ["true", "false"].map((auth) =>
      orderOf([...all, `auth=${auth}`]).update.components.find(({ name }) => name === "certificates"),
    );
    expect(on?.objects).toEqual(off?.objects);
    expect(on?.release).toEqual(off?.release);
  });

  test("of a stack that uses everything are those that are committed", async () => {
    const { update } = orderOf([...all, "auth=true"], "new");
    const graph = update.components
      .filter(({ kind }) => kind === "Certificates")
      .map(({ kind, ...component }) => ({ type: types[kind], ...component }));
    await expect(`${JSON.stringify(graph, null, 2)}\n`).toMatchFileSnapshot("../../golden/certificates.json");
  });
});
