import { defineConfig } from "vitest/config";

/** The tests that need Go, to build what they run: `npm run test:lab`. */
export default defineConfig({
  test: {
    include: ["test/lab/**/*.test.ts"],
    setupFiles: ["test/lab/programs.ts"],
    // Each has an API server of its own, and machines with two cores have to do; much of the time is waiting.
    maxWorkers: 2,
    silent: "passed-only",
    // The first build of a program takes minutes.
    hookTimeout: 1_200_000,
    testTimeout: 120_000,
  },
});
