// How the CLI runs the TypeScript of the program and of the policy pack: bundled, so that no type check delays a preview, and again whenever a source has changed, so that no bundle is ever stale.
const { createHash } = require("node:crypto");
const { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } = require("node:fs");
const { enableCompileCache } = require("node:module");
const { dirname, join } = require("node:path");

const cache = join(__dirname, "node_modules", ".cache", "zero-trust");
const options = { bundle: true, platform: "node", target: "node20", logLevel: "error" };

/**
 * A package as one file, which is made once for each of its versions: name and path, as the one entry of a list. No entry where node_modules cannot be written to, which must stop
 * nobody: then the package is read as it is.
 */
function inOneFile(name) {
  try {
    const { version } = require(join(__dirname, "node_modules", name, "package.json"));
    const file = join(cache, `${name}-${version}.js`);
    if (!existsSync(file)) {
      const stdin = { contents: `export * from "${name}"`, resolveDir: __dirname };
      const { text } = build({ ...options, stdin, logLevel: "silent", minifySyntax: true, minifyWhitespace: true });
      write(file, text);
    }
    return [[name, file]];
  } catch {
    return [];
  }
}

/** @returns the text of a bundle, and the paths of its sources, relative to the project */
function build(bundle) {
  // Loaded here, since a start that builds nothing does without it.
  const { buildSync } = require("esbuild");
  const result = buildSync({ ...bundle, write: false, metafile: true, absWorkingDir: __dirname });
  return { text: result.outputFiles[0].text, sources: Object.keys(result.metafile.inputs) };
}

/** Writes a file at once: two stacks may start at the same time, and neither may read what the other has half written. */
function write(file, text) {
  mkdirSync(dirname(file), { recursive: true });
  const own = `${file}.${process.pid}`;
  writeFileSync(own, text);
  renameSync(own, file);
}

const sha256 = (text) => createHash("sha256").update(text).digest("hex");

/** The hash of a file of the project; undefined where it is not there. */
function hashOf(path) {
  try {
    return sha256(readFileSync(join(__dirname, path)));
  } catch {
    return undefined;
  }
}

/** Whether a bundle was made in this way, of the sources as they are now: its first line says of which. */
function isCurrent(file, way) {
  try {
    const [first] = readFileSync(file, "utf8").split("\n", 1);
    const made = JSON.parse(first.replace(/^\/\/ /, ""));
    return made.way === way && Object.entries(made.sources).every(([path, hash]) => hashOf(path) === hash);
  } catch {
    return false;
  }
}

/**
 * Has a package loaded when something of it is used, and not when it is required: Pulumi's SDK requires TypeScript's compiler and npm's installer for functions that a program has it serialize, of
 * which this program has none. They take as long as all the rest of the SDK.
 */
function loadLate(name) {
  let file;
  try {
    file = require.resolve(name, { paths: [require.resolve("@pulumi/pulumi")] });
  } catch {
    return;
  }
  if (require.cache[file]) return;
  let loaded;
  const load = () => {
    if (!loaded) {
      delete require.cache[file];
      loaded = require(file);
    }
    return loaded;
  };
  const get = (_, key) => {
    // What a compiled import asks first. It then takes the module itself for what a CommonJS module is to it: the default export.
    if (key === "__esModule") return true;
    const exported = load();
    return key === "default" ? (exported.default ?? exported) : exported[key];
  };
  require.cache[file] = { id: file, filename: file, loaded: true, exports: new Proxy({}, { get }) };
}

/**
 * Bundles a TypeScript file with all of ours that it imports, unless that was done and none of them has changed, and runs it.
 * @param {string} entryPoint the file, from the project's root
 * @param {string} name of the bundle, beside which other processes make theirs
 * @param {string[]} manyFiles packages that it imports of hundreds of files, of which reading each takes longer than all else that the program does of itself
 * @returns what the file exports
 */
exports.run = (entryPoint, name, manyFiles) => {
  // Node 22 and later keep what they have compiled.
  enableCompileCache?.(join(cache, "compiled"));
  ["typescript", "@npmcli/arborist"].forEach(loadLate);
  // The SDK takes a stack for each promise, and has it translated by source maps, of which the bundle has none: ten milliseconds for each resource.
  Error.prepareStackTrace = undefined;
  const outfile = join(__dirname, ".build", `${name}.js`);
  const alias = Object.fromEntries(manyFiles.flatMap(inOneFile));
  const bundle = {
    ...options,
    entryPoints: [entryPoint],
    alias,
    packages: "external",
    external: Object.values(alias),
    // What is imported late is a path too, which `import()` does not take on Windows.
    supported: { "dynamic-import": false },
  };
  const { version } = require("esbuild/package.json");
  const way = sha256(JSON.stringify({ bundle, version, project: __dirname, tsconfig: hashOf("tsconfig.json") }));
  if (!isCurrent(outfile, way)) {
    const { text, sources } = build(bundle);
    const made = { way, sources: Object.fromEntries(sources.map((path) => [path, hashOf(path)])) };
    write(outfile, `// ${JSON.stringify(made)}\n${text}`);
  }
  return require(outfile);
};
