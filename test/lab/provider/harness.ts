import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { providerProgram } from "../../../lab/pulumi";
import { startProvider, type Driver } from "./driver";
import type { Fields } from "./values";

/** An API server, and Pulumi's Kubernetes provider, which writes to it. */
export interface Harness {
  readonly lab: ControlPlane;
  /** A directory for what a test writes. */
  readonly directory: string;
  /** Starts the provider as the program configures it, with other arguments or in another environment. */
  provider(args?: Fields, environment?: NodeJS.ProcessEnv): Promise<Driver>;
  /** An object as it is now; throws where it is not there. */
  live(what: string): Fields;
  stop(): Promise<void>;
}

export async function startHarness(): Promise<Harness> {
  const directory = mkdtempSync(join(tmpdir(), "zero-trust-"));
  const lab = await startControlPlane();
  const started: Driver[] = [];
  return {
    lab,
    directory,
    async provider(args = {}, environment = {}) {
      const program = { context: "apps", enableServerSideApply: "true", upsertExistingObjects: "true" };
      const mutable = { enableConfigMapMutable: "true", enableSecretMutable: "true" };
      const driver = await startProvider(
        providerProgram(),
        { ...program, ...mutable, ...args },
        { KUBECONFIG: lab.kubeconfig, ...environment },
      );
      started.push(driver);
      return driver;
    },
    live: (what) => JSON.parse(lab.kubectl(["get", ...what.split(" "), "--output=json"])) as Fields,
    async stop() {
      for (const driver of started) await driver.stop();
      await lab.stop();
      rmSync(directory, { recursive: true });
    },
  };
}
