// The pack's entry: bundles the TypeScript beside it and runs that, so that no type check delays a preview and no file is ever stale.
const { join } = require("node:path");
const outfile = join(__dirname, "..", ".build", "policy.js");
require("esbuild").buildSync({
  entryPoints: [join(__dirname, "index.ts")],
  outfile,
  bundle: true,
  platform: "node",
  target: "node20",
  external: ["@pulumi/*"],
  logLevel: "error",
});
require(outfile);
