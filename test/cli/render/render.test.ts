import { spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { accessPage, filesOf } from "../../../cli/lib/files";
import { guardrailsPage } from "../../../cli/render/guardrailsPage";
import { renderStack } from "../../../cli/lib/renderStack";
import { versionsPage } from "../../../cli/render/versionsPage";
import { viewOf } from "../../../cli/lib/view";
import { guardrails } from "../../../policy/guardrails";
import { withCertificates } from "../../components/certificates/fixture";
import { root, stacks } from "../../support/stacks";

const bundles = mkdtempSync(join(tmpdir(), "zero-trust-bundle-"));
const bundle = join(bundles, "render.js");
let inputs: string[];
let project: string;

/** Runs the command as `npm run render` does, in a copy of the project's stack files. */
function render(...options: string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [bundle, ...options], {
    cwd: project,
    encoding: "utf8",
  });
  return { status, stdout, stderr };
}
const read = (...path: string[]) => readFileSync(join(project, ...path), "utf8");
const filesBelow = (directory: string) =>
  (
    readdirSync(directory, { recursive: true, withFileTypes: true }) as {
      isFile(): boolean;
      parentPath: string;
      name: string;
    }[]
  )
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();

beforeAll(async () => {
  const { metafile } = await build({
    entryPoints: [join(root, "cli/render/main.ts")],
    bundle: true,
    platform: "node",
    target: "node20",
    outfile: bundle,
    metafile: true,
    absWorkingDir: root,
  });
  inputs = Object.keys(metafile.inputs);
});
afterAll(() => rmSync(bundles, { recursive: true }));
beforeEach(() => {
  project = mkdtempSync(join(bundles, "project-"));
  for (const file of ["Pulumi.yaml", ...stacks.map((stack) => `Pulumi.${stack}.yaml`)])
    cpSync(join(root, file), join(project, file));
});

describe("npm run render", () => {
  test("needs no engine: its bundle holds no Pulumi package", () => {
    expect(inputs.filter((file) => /@pulumi|client-node/.test(file))).toEqual([]);
    expect(inputs).toContain("plan/plan.ts");
  });

  test("shows components, guardrails and who may call whom of every stack, and ends with 0", () => {
    const { status, stdout, stderr } = render();
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    for (const stack of stacks) expect(stdout).toMatch(new RegExp(`^${stack}  auth on$`, "m"));
    expect(stdout).toMatch(/web\/frontend +-> +orders\/api:8080 +authenticated/);
    expect(stdout).toContain("everyone else is denied in orders (require)");
    for (const { name } of guardrails) expect(stdout).toContain(name);
  });

  test("writes each object to a file of its own, the CRDs apart, chart values, the graph and the picture", () => {
    render();
    expect(read("rendered/apps/0-crds/clusterstaticentries.spire.spiffe.io.yaml")).toContain(
      "kind: CustomResourceDefinition",
    );
    expect(read("rendered/apps/1-objects/4-statefulset-spire_spire-server.yaml")).toContain("kind: StatefulSet");
    expect(read("rendered/apps/cilium-values.yaml")).toContain("authentication:\n  enabled: true");
    expect(read("docs/access-apps.md")).toContain("```mermaid");
    expect(JSON.parse(read("rendered/apps/graph.json"))).toHaveLength(3);
  });

  test("writes the same bytes each time", () => {
    const content = () => filesBelow(join(project, "rendered")).map((file) => [file, readFileSync(file, "utf8")]);
    render();
    const first = content();
    render();
    expect(content()).toEqual(first);
    expect(first.length).toBeGreaterThan(40);
  });

  test("removes files that an earlier render left, and no others", () => {
    render();
    const policy =
      filesBelow(join(project, "rendered/apps/1-objects")).find((file) => file.includes("orders_zero-trust")) ?? "";
    expect(existsSync(policy)).toBe(true);
    const notes = join(project, "rendered/apps/1-objects/notes.yaml");
    writeFileSync(notes, "# mine\n");
    render("--set", "rollout.phases={}", "--set", "rollout.greenfield=[]", "--set", "access=[]");
    expect([existsSync(policy), existsSync(notes)]).toEqual([false, true]);
  });

  test("as JSON is one object with what the text shows", () => {
    const { stdout } = render("--json", "--stack", "apps");
    expect(JSON.parse(stdout)).toEqual({
      stacks: [
        {
          name: "apps",
          auth: true,
          phases: { orders: "require" },
          objects: 23,
          notes: [],
          guardrails: renderStack(root, "apps", [], undefined).verdicts.map(
            ({ guardrail: { name, severity }, verdict, violations, undecided }) => ({
              name,
              severity,
              verdict,
              violations,
              ...(undecided === undefined ? {} : { undecided }),
            }),
          ),
          access: [
            { from: "web/frontend", to: "orders/api", port: 8080, authenticated: true },
            { from: "billing/invoicer", to: "orders/api", port: 8080, authenticated: true },
          ],
        },
      ],
    });
  });

  test("installs cert-manager, with the values of its chart, before the issuers that only it can take", () => {
    const { stdout } = render("--stack", "apps", "--from", "new", "--set", withCertificates());
    expect(stdout).toMatch(/Certificates +certificates +cert-manager's release and \d+ objects/);
    const [, commands = ""] = stdout.split("Without Pulumi:");
    expect(commands).toMatch(
      /helm --kube-context apps --namespace cert-manager upgrade cert-manager oci:\S+ --version v\S+ --install .* --values rendered\/apps\/cert-manager-values\.yaml\n[^]*kubectl/,
    );
    expect(read("rendered/apps/cert-manager-values.yaml")).toContain("crds:\n  enabled: true\n  keep: true");
  });

  test("shows the update from an empty cluster, which waits for Cilium, with the commands that do without Pulumi", () => {
    const { stdout } = render("--stack", "apps", "--from", "new");
    expect(stdout).toContain("apps  from new to auth on");
    expect(stdout).toContain(
      "orders (allow; require is configured, but Cilium is not known to authenticate on every node yet",
    );
    expect(stdout).toContain("kubectl --context apps apply --server-side --filename rendered/apps/0-crds");
  });

  test("shows the flag turned off, and leaves the pages under docs alone for a trial", () => {
    render();
    const page = read("docs/access-apps.md");
    const { stdout } = render("--set", "auth=false", "--from", "on");
    expect(stdout).toContain("apps  from on to auth off");
    expect(stdout).toMatch(/web\/frontend +-> +orders\/api:8080 +by label only/);
    expect(read("docs/access-apps.md")).toBe(page);
    expect(read("rendered/docs/access-apps.md")).not.toBe(page);
  });

  test("writes where --out says, and nowhere else", () => {
    render("--out", "elsewhere");
    expect(readdirSync(project).sort()).toEqual(["Pulumi.apps.yaml", "Pulumi.infra.yaml", "Pulumi.yaml", "elsewhere"]);
    expect(readdirSync(join(project, "elsewhere")).sort()).toEqual(["apps", "docs", "infra"]);
  });

  test("ends with 1 on a mandatory violation, and says what to write instead", () => {
    const { status, stdout } = render("--stack", "apps", "--set", "rollout.phases.kube-system=require");
    expect(status).toBe(1);
    expect(stdout).toContain("FAIL  protected-namespaces");
    expect(stdout).toContain(
      "zero-trust:rollout.phases.kube-system is require, but kube-system runs Cilium itself; write observe",
    );
  });

  test("warns of an image without a digest, and ends with 1 where the configuration requires digests", () => {
    const image = ["--stack", "apps", "--set", "spire.images.agent=registry.corp/spire-agent:1.15.3"];
    const says = "container spire-agent has registry.corp/spire-agent:1.15.3 without a digest; run npm run pin -- ";
    expect(render(...image)).toMatchObject({ status: 0, stdout: expect.stringContaining(says) as string });
    expect(render(...image, "--set", "spire.images.requireDigests=true")).toMatchObject({
      status: 1,
      stdout: expect.stringMatching(/FAIL {2}images-pinned/) as string,
    });
  });

  test("ends with 2 on a wrong configuration, with the problems of all stacks and no stack trace", () => {
    const { status, stdout, stderr } = render("--set", "authh=true");
    expect({ status, stdout }).toEqual({ status: 2, stdout: "" });
    for (const stack of stacks) expect(stderr).toContain(`pulumi config rm --stack ${stack} --path 'zero-trust:authh'`);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(existsSync(join(project, "rendered"))).toBe(false);
  });

  test.each([
    [["--frm", "new"], /--frm/],
    [["--from", "before"], /new, on, off/],
    [["--stack", "web"], /Pulumi.web.yaml does not exist/],
    [["--set", "auth"], /has no =/],
    [["extra"], /extra/],
  ])("ends with 2 and a reason for %j", (options, says) => {
    const { status, stderr } = render(...options);
    expect(status).toBe(2);
    expect(stderr).toMatch(says);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  test("ends with 2 and a reason where there is no stack, and where it cannot write", () => {
    writeFileSync(join(project, "taken"), "");
    expect(render("--out", "taken")).toMatchObject({
      status: 2,
      stderr: expect.stringMatching(/^E.*taken.*\n$/) as string,
    });
    for (const stack of stacks) rmSync(join(project, `Pulumi.${stack}.yaml`));
    expect(render()).toMatchObject({ status: 2, stderr: expect.stringContaining("no Pulumi.<stack>.yaml") as string });
  });

  test("prints the commands of --break-glass and writes nothing", () => {
    const { status, stdout } = render("--break-glass", "--stack", "apps");
    expect({ status, first: stdout.split("\n")[0] }).toEqual({
      status: 0,
      first: "# Turns authentication off on apps without Pulumi. Run the steps in order; each may be run again.",
    });
    expect(existsSync(join(project, "rendered"))).toBe(false);
  });

  test("explains itself", () => {
    expect(render("--help")).toMatchObject({ status: 0, stdout: expect.stringContaining("--from STATE") as string });
  });
});

describe("the rendered files", () => {
  const stack = renderStack(root, "apps", [], "new");
  const [first = expect.fail(), ...rest] = stack.plan.components;
  const withObject = (manifest: object) =>
    filesOf({
      ...stack,
      plan: {
        ...stack.plan,
        components: [{ ...first, objects: [{ name: "x", manifest, after: [], keep: false }] } as never, ...rest],
      },
    });

  test("leave secrets out, and list them", () => {
    const secret = {
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "db", namespace: "spire" },
      stringData: { password: "hunter2" },
    };
    const { files, secrets } = withObject(secret);
    expect(secrets).toEqual(["Secret spire/db"]);
    expect(JSON.stringify(files)).not.toContain("hunter2");
  });

  test("quote the words that Kubernetes' YAML 1.1 would take for booleans", () => {
    const object = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: "c" },
      data: { a: "on", b: "yes", c: "1e3", d: "0x1" },
    };
    const content = withObject(object).files.find(({ path }) => path.endsWith("configmap-c.yaml"))?.content;
    expect(content).toContain("a: 'on'\n  b: 'yes'\n  c: '1e3'\n  d: '0x1'");
  });

  test("are shown in the README as the command prints them", () => {
    const shown = /^apps  auth on\n[^]*?(?=\n\n  \d+ files)/m.exec(readFileSync(join(root, "README.md"), "utf8"))?.[0];
    expect(shown).toBe(viewOf(renderStack(root, "apps", [], undefined), (_, text) => text));
  });

  test("under docs list every guardrail as it is", () => {
    expect(readFileSync(join(root, "docs", "guardrails.md"), "utf8")).toBe(guardrailsPage(guardrails));
    expect(readFileSync(join(root, "docs", "versions.md"), "utf8")).toBe(versionsPage());
  });

  test.each(stacks)("under docs show stack %s as it is committed; npm run render brings them up to date", (name) => {
    const page = readFileSync(join(root, "docs", `access-${name}.md`), "utf8");
    expect(page).toBe(accessPage(renderStack(root, name, [], undefined)));
  });
});
