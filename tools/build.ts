import { relative } from "node:path";
import { parseArgs } from "node:util";
import { closest, distance } from "fastest-levenshtein";
import { print, runCommand } from "../cli/lib/command";
import { buildTools, ToolError } from "./go";
import { programNames, programs, standardNames, versionOf, type ProgramName } from "./programs";

const usage = `Builds the programs that the lab runs, from the modules under tools/ that pin them, into .build/bin.

npm run tools -- [NAME...]   builds those named (default: all)
npm run tools -- --help      this text

NAME  ${programNames.join(", ")}

Exit: 0; 2 when one cannot be built, or a name is wrong.`;

function main(argv: string[]): number {
  const { values, positionals } = parseArgs({
    args: argv,
    allowPositionals: true,
    options: { help: { type: "boolean", default: false } },
  });
  if (values.help) return print(usage);
  const names = positionals.length > 0 ? positionals.map(programName) : standardNames;
  for (const [name, path] of Object.entries(buildTools(names)))
    print(`${name} ${versionOf(programs[name as ProgramName])}  ${relative(".", path)}`);
  return 0;
}

function programName(text: string): ProgramName {
  const name = programNames.find((name) => name === text);
  if (name) return name;
  const near = closest(text, programNames);
  const instead = distance(text, near) <= 3 ? near : `one of ${programNames.join(", ")}`;
  throw new ToolError(`${text} is no program of tools/; write ${instead}`);
}

runCommand(
  () => main(process.argv.slice(2)),
  (error) => error instanceof ToolError || error instanceof TypeError,
);
