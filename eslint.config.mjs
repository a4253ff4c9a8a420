import pulumi from "@pulumi/eslint-plugin";
import tseslint from "typescript-eslint";

/** The thin shell: what registers resources or talks to the engine. Everything else decides and builds, and must run without one. */
const shell = [
  "components/register.ts",
  "config/engine.ts",
  "components/spire/Spire.ts",
  "components/certificates/Certificates.ts",
  "components/cilium/CiliumAuth.ts",
  "components/access/**/{CiliumAuthPolicy,DenyAll,IstioAuthPolicy,LinkerdAuthPolicy,MeshNamespaces}.ts",
  "policy/index.ts",
  "policy/pack/*.ts",
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
    files: ["{core,components,config,plan,live,policy,cli,verify}/**/*.ts"],
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
    files: ["policy/{guardrails,rules}/**/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["@pulumi/*"], message: "A guardrail is a pure function." },
            {
              regex: "components/|/plan/",
              message: "A guardrail judges what builders and compilers make, so it may not use them.",
            },
          ],
        },
      ],
    },
  },
  {
    files: ["core/access/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["@pulumi/*"], message: "The core imports no Pulumi package (design: pure core, thin shell)." },
            {
              regex: "components/|/plan/",
              message: "What intents mean is decided without what compiles them.",
            },
          ],
        },
      ],
    },
  },
  {
    files: ["test/models/*.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { regex: "components/|core/", message: "What a mesh makes of policies is judged without what makes them." },
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
              regex: "components/access/cilium/(policies|rules|DenyAll)|spire/objects|/plan/plan$",
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
