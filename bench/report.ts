import { cpus } from "node:os";
import { parseArgs } from "node:util";

/** What a benchmark is asked for; a wrong option ends the process with 2 and its usage. */
export function readOptions(script: string, defaultRounds: string): { rounds: number; out: string | undefined } {
  try {
    const { values } = parseArgs({
      options: { rounds: { type: "string", default: defaultRounds }, out: { type: "string" } },
    });
    if (!/^[1-9]\d*$/.test(values.rounds)) throw new TypeError(`--rounds ${values.rounds}: write a number, as in 7`);
    return { rounds: Number(values.rounds), out: values.out };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    process.stderr.write(`${error.message}\n\nnpm run ${script} -- [--rounds N] [--out FILE]\n`);
    process.exit(2);
  }
}

/** What it was measured on, and when. */
export const machine = () =>
  `${cpus().length} × ${cpus()[0]?.model}, Node ${process.versions.node}, ${new Date().toISOString().slice(0, 10)}`;

export const time = (ms: number) => (ms < 1000 ? `${ms.toFixed(0)} ms` : `${(ms / 1000).toFixed(1)} s`);

/** A Markdown table. */
export function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  return [line(header), line(header.map((_, i) => (i === 0 ? "---" : "---:"))), ...rows.map(line)].join("\n");
}

export function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)] ?? NaN;
}
