import { defineConfig } from "vitest/config";

const shared = {
  setupFiles: ["test/lab/programs.ts"],
  // The first build of a program takes minutes.
  hookTimeout: 1_200_000,
};

/** With nothing beside it: what it measures is how long requests take. */
const alone = { ...shared, testTimeout: 600_000, maxWorkers: 1 };

const traffic = "test/lab/nodes/cluster.test.ts";
/** They wait for nothing, or for what comes about by itself: that they are slowed down fails none of them. */
const patient = [
  ...["gitops", "hubbleProto", "istioTemplate", "versions", "engine/objects", "identity/configuration"],
].map((name) => `test/lab/${name}.test.ts`);
/** They wait for minutes, or are about what is seldom changed: each object of a stack, databases, authorities, issuers and attestors of others, federation, rights, the package for other programs, the page in a browser, and the lab itself. */
const slow = [
  ...["agentNamespace", "attestor", "authority", "certificates", "certManager", "ciliumOperator", "datastore"].map(
    (name) => `identity/${name}`,
  ),
  ...["expired", "federation", "labDatabase", "metrics", "oidc", "rights", "workloads"].map(
    (name) => `identity/${name}`,
  ),
  ...[
    "byHand",
    "byHandEach",
    "certificates",
    "datastore",
    "federation",
    "health",
    "incident",
    "killed",
    "notReady",
    "oldest",
    "organization",
    "release",
    "rights",
    "spire",
  ].map((name) => `engine/${name}`),
  "provider/objects",
  ...["accessPage", "certManagerRules", "charts", "ciliumPolicy", "lab", "library"],
].map((name) => `test/lab/${name}.test.ts`);

/** The tests that need Go, to build what they run: `npm run test:lab`, `npm run test:lab:nodes` on real nodes, and `npm run test:lab:full`, which is all. */
export default defineConfig({
  test: {
    silent: "passed-only",
    projects: [
      {
        test: {
          ...shared,
          name: "lab",
          include: ["test/lab/**/*.test.ts"],
          exclude: ["test/lab/nodes/**", ...slow, ...patient],
          testTimeout: 300_000,
          // Each has an API server of its own, and machines with two cores have to do; much of the time is waiting.
          maxWorkers: 2,
          sequence: { groupOrder: 1 },
        },
      },
      {
        test: {
          ...shared,
          name: "patient",
          include: patient,
          testTimeout: 600_000,
          maxWorkers: 1,
          sequence: { groupOrder: 2 },
        },
      },
      { test: { ...alone, name: "nodes", include: [traffic], sequence: { groupOrder: 3 } } },
      {
        test: {
          ...alone,
          name: "faults",
          include: ["test/lab/nodes/**/*.test.ts", ...slow],
          exclude: [traffic],
          sequence: { groupOrder: 4 },
        },
      },
    ],
  },
});
