/** The layers, the lowest first: a folder imports what is below it, and nothing beside or above it. docs/architecture.md has them as a picture. */
const layers = [
  ["core/util"],
  ["core/schema"],
  ["core/access"],
  ["core/rollout"],
  ["components"],
  ["config", "plan"],
  ["live", "policy"],
  ["program", "verify"],
  ["cli"],
];
/** The same within policy/. */
const policy = [["policy/facts"], ["policy/rules"], ["policy/guardrails"], ["policy/pack"]];

const product = layers.flat();
const below = (folders) => `^(${folders.join("|")})/`;

/** For each folder of some layers, that it imports nothing beside or above it. */
const upwards = (ordered) =>
  ordered.flatMap((layer, i) =>
    layer.flatMap((folder) => {
      const barred = [...layer.filter((other) => other !== folder), ...ordered.slice(i + 1).flat()];
      if (barred.length === 0) return [];
      return [
        {
          name: `${folder.replace("/", "-")}-imports-what-is-below`,
          severity: "error",
          from: { path: below([folder]) },
          to: { path: below(barred) },
        },
      ];
    }),
  );

/** @type {import("dependency-cruiser").IConfiguration} */
export default {
  forbidden: [
    ...upwards(layers),
    ...upwards(policy),
    {
      name: "no-circle",
      comment: "Of two files that need each other, one has something that belongs to neither.",
      severity: "error",
      from: {},
      to: { circular: true },
    },
    {
      name: "product-apart-from-its-tests",
      severity: "error",
      from: { path: [below(product), "^[a-z]+[.][jt]s$"] },
      to: { path: below(["test", "lab", "bench"]) },
    },
    {
      name: "engine-in-the-shell",
      comment:
        "What decides and what builds runs without an engine. A component's file has its class's name, with a capital letter.",
      severity: "error",
      from: {
        path: below(product),
        pathNot: ["^program/", "^policy/(pack/|index)", "^components/register", "^components/.*/[A-Z][A-Za-z]+[.]ts$"],
      },
      to: { path: "^(node_modules/)?@pulumi/" },
    },
    {
      name: "cluster-in-live",
      comment: "What talks to the API server is in live/ and verify/.",
      severity: "error",
      from: { path: below(product), pathNot: "^(live|verify)/" },
      to: { path: "^(node_modules/)?@kubernetes/client-node" },
    },
    {
      name: "guardrails-judge-by-core",
      comment: "A guardrail judges what components build and what a plan has, so it may use neither.",
      severity: "error",
      from: { path: "^policy/(guardrails|rules)/" },
      to: { path: below(product.filter((folder) => !folder.startsWith("core") && folder !== "policy")) },
    },
    {
      name: "verify-by-meaning",
      comment:
        "Calls are judged by what the intents mean, so not by what compiles them. verify/health compares with what this program writes.",
      severity: "error",
      from: { path: "^(test/)?verify/", pathNot: "^(test/)?verify/health/" },
      to: { path: "^(components/(access/cilium|spire)/|plan/plan\\.ts)" },
    },
    {
      name: "models-apart",
      comment: "What a mesh makes of policies is judged without what makes them.",
      severity: "error",
      from: { path: "^test/models/" },
      to: { path: below(product) },
    },
  ],
  options: {
    doNotFollow: { path: "node_modules" },
    exclude: { path: "^(\\.build|rendered|dist)/" },
    tsConfig: { fileName: "tsconfig.json" },
    // What is imported for its type alone counts too.
    tsPreCompilationDeps: true,
  },
};
