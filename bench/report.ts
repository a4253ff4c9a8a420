import { cpus } from "node:os";
import { parseArgs } from "node:util";

/** What a benchmark is asked for; a wrong option ends the process with 2 and its usage. */
export interface Options {
  readonly rounds: number;
  readonly out: string | undefined;
  /** How many intents each stack has; none where the benchmark has no such option. */
  readonly sizes: readonly number[];
}

/** @param defaultSizes where it has stacks of several sizes to choose from, as in `10,100` */
export function readOptions(script: string, defaultRounds: string, defaultSizes?: string): Options {
  try {
    const { values } = parseArgs({
      options: {
        rounds: { type: "string", default: defaultRounds },
        out: { type: "string" },
        ...(defaultSizes === undefined ? {} : { sizes: { type: "string", default: defaultSizes } as const }),
      },
    });
    const { rounds, out, sizes } = values as { rounds: string; out?: string; sizes?: string };
    if (!/^[1-9]\d*$/.test(rounds)) throw new TypeError(`--rounds ${rounds}: write a number, as in 7`);
    if (sizes !== undefined && !/^[1-9]\d*(,[1-9]\d*)*$/.test(sizes))
      throw new TypeError(`--sizes ${sizes}: write numbers of intents, as in 10,100`);
    return { rounds: Number(rounds), out, sizes: sizes?.split(",").map(Number) ?? [] };
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    const choice = defaultSizes === undefined ? "" : "[--sizes N,N...] ";
    process.stderr.write(`${error.message}\n\nnpm run ${script} -- [--rounds N] ${choice}[--out FILE]\n`);
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
