import { styleText } from "node:util";

/** What a wrong option or file says; exit 2. */
export class UsageError extends Error {}

/** Reads the options of a command, and makes of what the parser does not know a UsageError with the usage. */
export function parsed<T>(usage: string, parse: () => T): T {
  try {
    return parse();
  } catch (error) {
    if (error instanceof TypeError) throw new UsageError(`${error.message}\n\n${usage}`);
    throw error;
  }
}

export function print(text: string): 0 {
  process.stdout.write(`${text}\n`);
  return 0;
}

/**
 * Runs a command of the user's, and makes what it returns its exit code. A mistake of the user's ends with 2 and its message alone.
 *
 * @param isMistake which errors are, beside a UsageError
 */
export function runCommand(main: () => number | Promise<number>, isMistake: (error: Error) => boolean): void {
  void (async () => {
    try {
      process.exitCode = await main();
    } catch (error) {
      if (!(error instanceof UsageError) && !isMistake(error as Error)) throw error;
      process.stderr.write(`${(error as Error).message}\n`);
      process.exitCode = 2;
    }
  })();
}

/** Whether the system refused something: a file that cannot be read or written. */
export const isSystemError = (error: Error): boolean => (error as NodeJS.ErrnoException).syscall !== undefined;

/** One line of a terminal, written again and again. */
export function show(line: string): void {
  if (process.stderr.isTTY) process.stderr.write(`\r\x1b[2K${line}`);
}

/** Text in a style, where somebody sees colours. */
export function paint(style: Parameters<typeof styleText>[0], text: string): string {
  return process.stdout.isTTY && !process.env["NO_COLOR"] ? styleText(style, text) : text;
}
