/**
 * A stack's configuration as Pulumi passes it on to a program or a policy pack.
 *
 * @param values by key, without the project's prefix
 * @returns texts by whole key: what is none is JSON
 */
export const passedOn = (values: object): Record<string, string> =>
  Object.fromEntries(
    Object.entries(values).map(([key, value]: [string, unknown]) => [
      `zero-trust:${key}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
