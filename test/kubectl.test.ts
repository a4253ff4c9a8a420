import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { spawnKubectl } from "../lab/kubectl";

describe("the lab's kubectl", () => {
  const directory = mkdtempSync(join(tmpdir(), "zero-trust-kubectl-"));
  afterAll(() => rmSync(directory, { recursive: true }));

  /** A kubectl that fails with a text until it has been run so many times, and how often it was run. */
  function failing(times: number, says: string) {
    const [program, calls] = [join(directory, `kubectl-${times}`), join(directory, `calls-${times}`)];
    const script = `#!/bin/sh\necho x >> ${calls}\nread -r input\n[ $(wc -l < ${calls}) -gt ${times} ] && echo "$input" && exit 0\necho "${says}" >&2\nexit 1\n`;
    writeFileSync(program, script, { mode: 0o755 });
    const said = spawnKubectl(program, ["get", "pods"], process.env, "asked\n");
    return { ...said, calls: readFileSync(calls, "utf8").trim().split("\n").length };
  }

  test("asks again where a busy API server has not answered the handshake in time, with the same input", () => {
    const says = "Unable to connect to the server: net/http: TLS handshake timeout";
    expect(failing(2, says)).toMatchObject({ status: 0, stdout: "asked\n", calls: 3 });
    expect(failing(9, says)).toMatchObject({ status: 1, stderr: `${says}\n`, calls: 5 });
  });

  test("asks once where it was answered", () => {
    expect(failing(1, "pods is forbidden")).toMatchObject({ status: 1, calls: 1 });
  });
});
