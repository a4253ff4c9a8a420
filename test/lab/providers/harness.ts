import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startControlPlane, type ControlPlane } from "../../../lab/controlPlane";
import { startProvider, type Driver } from "./driver";
import { installProviders, providerPath } from "./install";
import type { Fields } from "./values";

/** An API server, and providers that write to it. */
export interface Harness {
  readonly lab: ControlPlane;
  /** Where the executables are. */
  readonly directory: string;
  /** Starts the provider as the program configures it, with other arguments or in another environment. */
  provider(args?: Fields, environment?: NodeJS.ProcessEnv): Promise<Driver>;
  /** An object as it is now; throws where it is not there. */
  live(what: string): Fields;
  stop(): Promise<void>;
}

export async function startHarness(): Promise<Harness> {
  const directory = mkdtempSync(join(tmpdir(), "zero-trust-"));
  installProviders(directory);
  const lab = await startControlPlane();
  const started: Driver[] = [];
  return {
    lab,
    directory,
    async provider(args = {}, environment = {}) {
      const program = { context: "apps", enableServerSideApply: "true", upsertExistingObjects: "true" };
      const mutable = { enableConfigMapMutable: "true", enableSecretMutable: "true" };
      const driver = await startProvider(
        providerPath(directory),
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
