import pulumi from "@pulumi/eslint-plugin";
import tseslint from "typescript-eslint";

/** Folders that decide and build, and must run without an engine. */
const core = [
  "components/*.ts",
  "components/{config,rollout}/*.ts",
  "components/*/{objects,values,settings,configuration,images,rbac,pods,server,agent,registration,cilium,graph}.ts",
  "policy/{facts,guardrail,values,ciliumPolicy,spireConfiguration}.ts",
  "policy/guardrails/*.ts",
  "cli/*.ts",
];
const shell = ["components/{cluster,program,register,userError}.ts", "components/config/engine.ts"];

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
    files: core,
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
    files: ["policy/guardrails/*.ts", "policy/{guardrail,ciliumPolicy,spireConfiguration,values}.ts"],
    rules: {
      "no-restricted-imports": [
        "error",
        {
          patterns: [
            { group: ["@pulumi/*"], message: "A guardrail is a pure function." },
            {
              regex: "components/(spire|cilium|access|plan)",
              message: "A guardrail judges what builders and compilers make, so it may not use them.",
            },
          ],
        },
      ],
    },
  },
);
