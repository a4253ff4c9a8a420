// How the CLI runs the TypeScript of the program and of the policy pack: bundled anew each time, so that no type check delays a preview and no file is ever stale.
const { existsSync, renameSync } = require("node:fs");
const { join } = require("node:path");
const { buildSync } = require("esbuild");

const options = { bundle: true, platform: "node", target: "node20", logLevel: "error" };

/**
 * A package as one file, which is made once for each of its versions: name and path, as the one entry of a list. No entry where node_modules cannot be written to, which must stop
 * nobody: then the package is read as it is.
 */
function inOneFile(name) {
  try {
    const { version } = require(join(__dirname, "node_modules", name, "package.json"));
    const file = join(__dirname, "node_modules", ".cache", "zero-trust", `${name}-${version}.js`);
    if (!existsSync(file)) {
      const stdin = { contents: `export * from "${name}"`, resolveDir: __dirname };
      write(file, { ...options, stdin, logLevel: "silent", minifySyntax: true, minifyWhitespace: true });
    }
    return [[name, file]];
  } catch {
    return [];
  }
}

/** Writes a bundle. Two stacks may start at once: neither may read what the other has half written. */
function write(outfile, build) {
  const own = `${outfile}.${process.pid}`;
  buildSync({ ...build, outfile: own });
  renameSync(own, outfile);
}

/**
 * Bundles a TypeScript file with all of ours that it imports, and runs it.
 * @param {string} entryPoint the file, from the project's root
 * @param {string} name of the bundle, beside which other processes make theirs
 * @param {string[]} manyFiles packages that it imports of hundreds of files, of which reading each takes longer than all else that the program does of itself
 * @returns what the file exports
 */
exports.run = (entryPoint, name, manyFiles) => {
  // The SDK takes a stack for each promise, and has it translated by source maps, of which the bundle has none: ten milliseconds for each resource.
  Error.prepareStackTrace = undefined;
  const outfile = join(__dirname, ".build", `${name}.js`);
  const alias = Object.fromEntries(manyFiles.flatMap(inOneFile));
  write(outfile, {
    ...options,
    entryPoints: [join(__dirname, entryPoint)],
    alias,
    packages: "external",
    external: Object.values(alias),
    // What is imported late is a path too, which `import()` does not take on Windows.
    supported: { "dynamic-import": false },
  });
  return require(outfile);
};
