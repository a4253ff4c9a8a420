/** Measures what is done step by step: the milliseconds of each, by its name, in their order. */
export function startTimer() {
  const times: Record<string, number> = {};
  function timed<T>(step: string, work: () => T): T {
    const start = process.hrtime.bigint();
    const result = work();
    times[step] = Number(process.hrtime.bigint() - start) / 1e6;
    return result;
  }
  return { times, timed };
}
