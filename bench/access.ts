// Measures intents alone, and how they grow: `npm run bench:access -- [--rounds N] [--out FILE]`. Prints a Markdown table.
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { contest } from "./contest";
import { machine, median, readOptions, table, time } from "./report";
import { writeProject } from "./stackFile";

const { rounds, out } = readOptions("bench:access", "5");
const [small, large] = [1000, 10_000] as const;
const scratch = mkdtempSync(join(tmpdir(), "zero-trust-bench-"));
const projectOf = (intents: number) => join(scratch, String(intents));

async function main(): Promise<void> {
  for (const size of [small, large]) writeProject(projectOf(size), size);
  const measured = await contest(
    "intents",
    [small, large].map((size) => ({
      name: size.toLocaleString("en"),
      command: process.execPath,
      args: [".build/bench/accessSteps.js", projectOf(size)],
      until: "end" as const,
    })),
    rounds,
  );
  const found = measured.map(({ outputs }) => outputs.map((output) => JSON.parse(output) as Record<string, number>));
  const of = (step: string, i: number) => median((found[i] ?? []).map((run) => run[step] ?? NaN));
  const rows = Object.keys(found[0]?.[0] ?? {}).map((step) => {
    const [few, many] = [of(step, 0), of(step, 1)];
    return [step, time(few), time(many), ((many / few) * (small / large)).toFixed(2)];
  });
  const header = [
    "",
    ...measured.map(({ name }) => `${name} intents`),
    "for each intent, as a multiple of that with 1,000",
  ];
  const text = `${machine()}\n\n${table(header, rows)}\n`;
  process.stdout.write(text);
  if (out !== undefined) writeFileSync(out, text);
}

main()
  .catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  })
  .finally(() => rmSync(scratch, { recursive: true }));
