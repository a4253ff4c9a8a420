import { isObject } from "../../core/util/objects";

/** A value as an object, empty where it is none: objects in a cluster may have any shape. */
export const recordOf = (value: unknown): Readonly<Record<string, unknown>> => (isObject(value) ? value : {});

/** The pod specification in a workload's template, empty where there is none. */
export const podOf = ({ spec }: Readonly<Record<string, unknown>>) =>
  recordOf(recordOf(recordOf(spec)["template"])["spec"]);

/** A value as a list, empty where it is none. */
export const listOf = (value: unknown): readonly unknown[] => (Array.isArray(value) ? value : []);

/** A value as text to compare or to show. String() would throw where an object has something else than a function as its `toString`. */
export const textOf = (value: unknown): string =>
  typeof value === "string" ? value : (JSON.stringify(value) ?? "nothing");

/** A number, or what may be written for one; not a number for anything else. */
export const numberOf = (value: unknown): number =>
  typeof value === "number" || typeof value === "string" ? Number(value) : NaN;
