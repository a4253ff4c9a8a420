// The pack's entry: bundles the TypeScript beside it and runs that, so that no type check delays a preview and no file is ever stale.
const { join } = require("node:path");
const parent = process.ppid;
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
// An engine that was killed ends nobody: this process would stay, and as soon as it has something to say to nobody, the SDK never stops saying it.
setInterval(() => process.ppid === parent || process.exit(1), 1000).unref();
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => process.exit(1));
require(outfile);
