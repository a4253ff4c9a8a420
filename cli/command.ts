/** What a wrong option or file says; exit 2. */
export class UsageError extends Error {}

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
