import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { parsePath, valueAt } from "../../core/util/path";
import { seconds } from "../../core/util/duration";
import type { KubernetesObject } from "../../core/util/kubernetes";
import { ownEntries } from "../../components/spire/registration/registration";
import { spireArgsOf } from "../lab/identity/support";
import { configOf, root } from "../support/stacks";

// What docs/architecture.md and docs/spire.md say in numbers and selectors, against what the code has.

/** The cells of the rows of a page's tables. */
const rowsOf = (page: string) =>
  readFileSync(join(root, "docs", page), "utf8")
    .split("\n")
    .filter((line) => line.startsWith("|"))
    .map((line) =>
      line
        .split("|")
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
const inCode = (cell = "") => [...cell.matchAll(/`([^`]+)`/g)].map(([, text = ""]) => text);
const inHours = (key: string) => (seconds(config(key)) ?? expect.fail(key)) / 3600;
/** No stack that is committed says anything of these, so that they are the defaults. */
const config = (key: string) => valueAt(configOf("apps"), parsePath(key));

const lifetimes = ["spire.ttl.x509Svid", "spire.ttl.agent", "spire.ttl.jwtSvid", "spire.ttl.ca"];
const evidence = ["rollout.evidenceMaxAge", "rollout.evidenceWindow"];

test.each([...lifetimes, ...evidence])(
  "the architecture says how long %s is, and by what rule it is renewed",
  (key) => {
    const [, , lives, renewed = ""] = rowsOf("architecture.md").find(([, cell]) => inCode(cell).includes(key)) ?? [];
    expect(lives).toBe(config(key));
    const left = key === "spire.ttl.ca" ? [inHours(key) / 2, inHours(key) / 6] : [inHours(key) / 2];
    const said = [...renewed.matchAll(/(\d+)h/g)].map(([, hours]) => Number(hours));
    expect(said).toEqual(["spire.ttl.x509Svid", "spire.ttl.agent", "spire.ttl.ca"].includes(key) ? left : []);
  },
);

test("how long agents have to learn of the next root is a third of the CA's life: from its publication until it signs", () => {
  const row = rowsOf("architecture.md").find(([, cell]) => inCode(cell).includes("spire.ttl.ca"));
  expect(row?.at(-1)).toContain(`${inHours("spire.ttl.ca") / 3}h`);
});

test.each(lifetimes)("the page on SPIRE says how long %s is", (key) => {
  const name = key.split(".").at(-1) ?? "";
  expect(rowsOf("spire.md").find(([cell]) => cell === `\`${name}\``)?.[1]).toBe(config(key));
});

test("the selectors of Cilium's own entries are those that are made", () => {
  const pathOf = ({ spec }: KubernetesObject) =>
    (spec as { spiffeID: string }).spiffeID.replace(/^spiffe:\/\/[^/]+/, "");
  const entries = ownEntries(spireArgsOf());
  expect(entries).toHaveLength(3);
  for (const entry of entries) {
    const row = rowsOf("architecture.md").find(([, cell]) => inCode(cell).includes(entry.metadata.name));
    expect(inCode(row?.[2])).toEqual((entry.spec as { selectors: string[] }).selectors);
    expect(inCode(row?.[3])).toEqual([pathOf(entry)]);
  }
});
