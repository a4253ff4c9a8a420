import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { LabStack, withoutPack } from "./stack";

describe("servers of SPIRE with a database whose password is generated", () => {
  let stack: LabStack;
  let password: string;
  beforeAll(async () => {
    stack = await LabStack.start();
    stack.set("spire.replicas", "2");
    stack.set("spire.datastore.postgres.address", "postgres.databases.svc:5432");
    stack.up();
    password = Buffer.from(secret(), "base64").toString();
  });
  afterAll(() => stack?.stop());
  const secret = () =>
    stack.plane.kubectl([
      ...["get", "secret", "spire-datastore", "--namespace", "spire"],
      ...["--output", "jsonpath={.data.password}"],
    ]);

  test("find it in their Secret, and nobody finds it in the state", () => {
    expect(password).toMatch(/^[A-Za-z0-9]{32}$/);
    const state = join(stack.project.directory, ".state/.pulumi/stacks/zero-trust/apps.json");
    expect(readFileSync(state, "utf8")).not.toContain(password);
  });

  test("keep it whatever is updated, and over an off", () => {
    const written = stack.watchWrites();
    expect(stack.up(withoutPack)).toContain("unchanged");
    stack.set("auth", "false");
    stack.up(withoutPack);
    expect(written().filter(({ object }) => object.includes("spire-datastore"))).toEqual([]);
    expect(Buffer.from(secret(), "base64").toString()).toBe(password);
  });

  test("leave it where it is when they get another one from a Secret of the user's", () => {
    stack.set("spire.datastore.postgres.passwordSecret.name", "database");
    stack.up(withoutPack);
    expect(Buffer.from(secret(), "base64").toString()).toBe(password);
  });
});
