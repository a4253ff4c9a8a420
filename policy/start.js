// The pack's entry.
require("./endWithEngine");
require("../bundle").run("policy/index.ts", "policy", ["zod"]);
