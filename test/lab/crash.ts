import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { build } from "esbuild";
import type { ControlPlaneOptions } from "../../lab/controlPlane";
import { root } from "../support/stacks";

/** Starts a control plane in a process of its own, which is then killed, and returns its directory. */
export async function crash(options: ControlPlaneOptions = {}): Promise<string> {
  const scratch = mkdtempSync(join(tmpdir(), "zero-trust-test-"));
  try {
    const [script, outfile] = [join(scratch, "crash.ts"), join(scratch, "crash.js")];
    writeFileSync(
      script,
      `import { startControlPlane } from ${JSON.stringify(join(root, "lab/controlPlane"))};
       startControlPlane(${JSON.stringify(options)}).then(({ directory }) => { console.log(directory); setInterval(() => {}, 1000); });`,
    );
    await build({ entryPoints: [script], bundle: true, platform: "node", target: "node20", outfile });
    const child = spawn(process.execPath, [outfile], { cwd: root, stdio: ["ignore", "pipe", "inherit"] });
    const [output] = (await once(child.stdout, "data")) as [Buffer];
    child.kill("SIGKILL");
    await once(child, "exit");
    return output.toString().trim();
  } finally {
    rmSync(scratch, { recursive: true });
  }
}
