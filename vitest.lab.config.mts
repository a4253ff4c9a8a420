import { defineConfig } from "vitest/config";

/** The tests that need Go, to build what they run: `npm run test:lab`. */
export default defineConfig({
  test: {
    include: ["test/lab/**/*.test.ts"],
    silent: "passed-only",
    // The first build of a program takes minutes.
    hookTimeout: 1_200_000,
    testTimeout: 120_000,
  },
});
