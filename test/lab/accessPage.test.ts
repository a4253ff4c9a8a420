import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { accessHtml } from "../../cli/render/accessHtml";
import { intent, stackOf } from "../cli/render/accessStack";

const browser = ["chromium", "chromium-browser", "google-chrome"].find(
  (name) => spawnSync(name, ["--version"]).status === 0,
);

/** In a browser, where there is one: Debian's package chromium. */
describe.skipIf(browser === undefined)("the page of who may call whom, in a browser", () => {
  let directory: string;
  beforeAll(() => void (directory = mkdtempSync(join(tmpdir(), "zero-trust-page-"))));
  afterAll(() => rmSync(directory, { recursive: true }));

  const stack = stackOf(
    [intent("orders", "api", "web"), intent("orders", "db", "orders"), intent("billing", "ledger", "web")],
    { orders: "require", billing: "allow" },
  );

  /** What is shown once a script has done something: `<caller> -> <target>`, and what the page says of it. */
  function after(script: string) {
    const file = join(directory, "page.html");
    const tell = `document.title = JSON.stringify({ says: output.textContent, shown: [...document.querySelectorAll("tr[data-from]")].filter((row) => row.checkVisibility()).map((row) => [...row.querySelectorAll("[data-name]")].map((link) => link.dataset.name).join(" -> ")) })`;
    writeFileSync(file, `${accessHtml(stack)}<script>${script}; ${tell}</script>`);
    const profile = `--user-data-dir=${join(directory, "profile")}`;
    const options = ["--headless", "--no-sandbox", "--disable-gpu", profile, "--dump-dom", `file://${file}`];
    const dom = execFileSync(browser ?? expect.fail(), options, { stdio: ["ignore", "pipe", "ignore"] }).toString();
    const title = /<title>(.*)<\/title>/.exec(dom)?.[1]?.replaceAll("&gt;", ">") ?? expect.fail(dom.slice(0, 500));
    return JSON.parse(title) as { says: string; shown: string[] };
  }
  const typed = (text: string) => `find.value = "${text}"; find.dispatchEvent(new Event("input", { bubbles: true }))`;
  const clicked = (selector: string) => `document.querySelector('${selector}').click()`;

  test("shows every line at first", () => {
    const { says, shown } = after("");
    expect(says).toBe("6 lines");
    expect(shown).toHaveLength(6);
  });

  test("shows the lines in which every word is, when it is typed", () => {
    expect(after(typed("Orders frontend api")).shown).toEqual(["web/frontend -> orders/api"]);
    expect(after(typed("nobody")).shown).toEqual([]);
  });

  test("shows whom a workload calls, and who calls a target, when that is clicked, and everything after another click", () => {
    const workload = '[data-name="web/frontend"]';
    expect(after(clicked(workload))).toEqual({
      says: "2 lines, only web/frontend",
      shown: ["web/frontend -> billing/ledger", "web/frontend -> orders/api"],
    });
    expect(after(clicked('[data-name="orders/db"]')).shown).toEqual([
      "192.0.2.0/24 -> orders/db",
      "orders/frontend -> orders/db",
    ]);
    expect(after(`${clicked(workload)}; ${clicked(workload)}`).shown).toHaveLength(6);
  });

  test("shows the callers of one namespace from another, when their number is clicked", () => {
    expect(after(clicked('[data-from="web"][data-to="orders"]')).shown).toEqual(["web/frontend -> orders/api"]);
  });
});
