// How the CLI runs the TypeScript of the program and of the policy pack: bundled anew each time, so that no type check delays a preview and no file is ever stale.
const { renameSync } = require("node:fs");
const { join } = require("node:path");
const { buildSync } = require("esbuild");

/**
 * Bundles a TypeScript file with all of ours that it imports, and runs it.
 * @param {string} entryPoint the file, from the project's root
 * @param {string} name of the bundle, beside which other processes make theirs
 * @returns what the file exports
 */
exports.run = (entryPoint, name) => {
  const outfile = join(__dirname, ".build", `${name}.js`);
  // Two stacks may start at once: neither may read what the other has half written.
  const own = `${outfile}.${process.pid}`;
  buildSync({
    entryPoints: [join(__dirname, entryPoint)],
    outfile: own,
    bundle: true,
    platform: "node",
    target: "node20",
    packages: "external",
    logLevel: "error",
  });
  renameSync(own, outfile);
  return require(outfile);
};
