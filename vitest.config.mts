import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/lab/**"],
    // All cores: by itself it leaves one idle, which of two is half.
    maxWorkers: "100%",
    // A file finds the modules that another has loaded, which is a third of the time: none of ours keeps anything that a test changes.
    isolate: false,
    // A bound for what hangs, and no measure: machines are slow and busy.
    testTimeout: 60_000,
    hookTimeout: 60_000,
    // What a passing test logs is noise.
    silent: "passed-only",
    // Makes `${output}` throw instead of printing a note about toString.
    env: { PULUMI_ERROR_OUTPUT_STRING: "true" },
  },
});
