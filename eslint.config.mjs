import pulumi from "@pulumi/eslint-plugin";
import tseslint from "typescript-eslint";

/** The thin shell: what registers resources or talks to the engine. Everything else decides and builds, and must run without one. */
const shell = [
  "components/{cluster,otherStacks,program,register,userError,workloadWait}.ts",
  "components/config/engine.ts",
  "components/spire/spire.ts",
  "components/certificates/certificates.ts",
  "components/cilium/ciliumAuth.ts",
  "components/access/{ciliumAuthPolicy,denyAll,istioAuthPolicy,linkerdAuthPolicy,meshNamespaces}.ts",
  "components/rollout/rollout.ts",
  "policy/{index,organization,organizationStack,pack,packFacts,preflight,projectStack}.ts",
];

export default tseslint.config(
  { ignores: ["node_modules/", ".build/", "rendered/"] },
  {
    files: ["**/*.ts", "**/*.mts"],
    extends: [tseslint.configs.recommendedTypeChecked],
    languageOptions: { parserOptions: { projectService: true } },
    plugins: { "@pulumi": pulumi },
    rules: {
      "@pulumi/no-output-in-template-literal": "error",
      "@pulumi/no-output-instance-in-template-literal": "error",
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/no-unused-vars": [
        "error",
        { ignoreRestSiblings: true, argsIgnorePattern: "^_", varsIgnorePattern: "^_" },
      ],
    },
  },
  {
    files: ["components/**/*.ts", "policy/**/*.ts", "cli/**/*.ts", "verify/**/*.ts"],
    ignores: shell,
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["@pulumi/*"], message: "The core imports no Pulumi package (design: pure core, thin shell)." },
          ],
        },
      ],
    },
  },
  {
    files: [
      "policy/guardrails/*.ts",
      "policy/{certManager,meshes}/*.ts",
      "policy/{guardrail,ciliumPolicy,images,refusal,ruleParts,spireConfiguration,values,waivers}.ts",
    ],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["@pulumi/*"], message: "A guardrail is a pure function." },
            {
              regex: "components/(certificates|spire|cilium|access|plan)",
              message: "A guardrail judges what builders and compilers make, so it may not use them.",
            },
          ],
        },
      ],
    },
  },
  {
    files: [
      "components/access/{callerTree,decide,difference,explain,graph,operations,portDifference,selectors,targetDifference,whyChanged}.ts",
    ],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["@pulumi/*"], message: "The core imports no Pulumi package (design: pure core, thin shell)." },
            {
              regex: "/(cilium|istio|linkerd|denyAll|plan)",
              message: "What intents mean is decided without what compiles them.",
            },
          ],
        },
      ],
    },
  },
  {
    files: ["test/access/*Policy.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { regex: "components/", message: "What a mesh makes of policies is judged without what makes them." },
          ],
        },
      ],
    },
  },
  {
    files: ["verify/**/*.ts", "test/verify/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["@pulumi/*"], message: "The core imports no Pulumi package (design: pure core, thin shell)." },
            {
              regex: "components/(access/(cilium|denyAll)|spire/objects|plan$)",
              message: "What is verified is what the intents mean, so it may not use what compiles them.",
            },
          ],
        },
      ],
    },
  },
  {
    // What is compared with the cluster's objects is what this program writes.
    files: ["verify/health/**/*.ts", "test/verify/health/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["@pulumi/*"], message: "The core imports no Pulumi package (design: pure core, thin shell)." },
          ],
        },
      ],
    },
  },
);
