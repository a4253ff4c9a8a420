/** A value as an object, empty where it is none: objects in a cluster may have any shape. */
export const recordOf = (value: unknown): Readonly<Record<string, unknown>> =>
  typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Record<string, unknown>) : {};

/** The pod specification in a workload's template, empty where there is none. */
export const podOf = ({ spec }: Readonly<Record<string, unknown>>) =>
  recordOf(recordOf(recordOf(spec)["template"])["spec"]);

/** A value as a list, empty where it is none. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);
