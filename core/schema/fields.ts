import * as z from "zod";

/** What the error for a value says: what is allowed, and an example that would be. */
export interface Hint {
  readonly allowed: string;
  readonly example: string;
}

export const hinted = <T extends z.ZodType>(schema: T, allowed: string, example: string): T =>
  schema.meta({ allowed, example });
export const text = (pattern: RegExp, allowed: string, example: string) =>
  hinted(z.string().regex(pattern), allowed, example);
export const choice = <const T extends readonly [string, ...string[]]>(...values: T) =>
  hinted(z.enum(values), values.join(", "), values[0]);

/** `pulumi config set` writes booleans as strings and, at the top level, everything else as JSON. */
export const written = (value: unknown): unknown => {
  if (typeof value !== "string") return value;
  if (value === "true" || value === "false") return value === "true";
  try {
    return JSON.parse(value) as unknown;
  } catch {
    return value;
  }
};
export const json = <T extends z.ZodType>(schema: T) => z.preprocess(written, schema);
export const object = <T extends z.ZodRawShape>(shape: T) => json(z.strictObject(shape));
/** An object that may be left out, and one whose absence is reported key by key, each with its own example. */
export const section = <T extends z.ZodRawShape>(shape: T) => object(shape).prefault({});
export const boolean = (example: "true" | "false") => hinted(json(z.boolean()), "true or false", example);
export const whole = (minimum: number, maximum: number, example: number) =>
  hinted(json(z.int().min(minimum).max(maximum)), `a whole number from ${minimum} to ${maximum}`, String(example));

const dnsLabel = "lower-case letters, digits and hyphens, at most 63";
export const namespace = text(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, `a namespace's name: ${dnsLabel}`, "orders");
export const name = text(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, `a name: ${dnsLabel}`, "api");

export const googleServiceAccount = text(
  /^[a-z][-a-z0-9]*@[-a-z0-9.]+\.iam\.gserviceaccount\.com$/,
  "a Google service account",
  "spire-server@platform.iam.gserviceaccount.com",
);

/** An object of which not every combination of keys makes sense, and what its forms are. */
export const formed = <T extends z.ZodRawShape>(
  shape: T,
  faults: (value: z.output<z.ZodObject<T>>) => readonly Fault[],
  { allowed, example }: Hint,
) =>
  hinted(
    json(
      z.strictObject(shape).check(({ value, issues }) => {
        // A key that is misspelt is a problem, and not a second one where it is missing.
        if (issues.length > 0) return;
        for (const { path, ...params } of faults(value))
          issues.push({ code: "custom", input: value, path: [...path], params });
      }),
    ),
    allowed,
    example,
  );
export const some = <T extends z.ZodType>(element: T, { allowed, example }: Hint) =>
  hinted(json(z.array(element).min(1)), `one or more, each ${allowed}`, `[${example}]`);

/** One of several ways, each under its name: two of them cannot be meant. */
export const oneOf = <T extends z.ZodRawShape>(ways: T) => {
  const names = Object.keys(ways);
  const hint = { allowed: `one of ${names.join(", ")}, with what belongs to it`, example: `{"${names[0]}":{…}}` };
  return formed(ways, (value) => (Object.keys(value).length === 1 ? [] : [{ path: [], ...hint }]), hint);
};

export const hostAndPort = (of: string, example: string) =>
  text(/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?:[1-9][0-9]{0,4}$/, `<host>:<port> of ${of}, without a scheme`, example);

export const duration = (example: string) =>
  text(/^[1-9][0-9]*(s|m|h)$/, "a duration in one unit, s, m or h, as in 90m or 4h", example);

export const trustDomain = text(
  /^(?=.{1,255}$)[a-z0-9]([-a-z0-9_]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9_]*[a-z0-9])?)*$/,
  "a trust domain's bare name in lower case, without spiffe://",
  "apps.zt.internal",
);

export const url = (of: string, example: string) =>
  hinted(
    z.string().refine((value) => /^https:\/\/[^\s"$?#]+$/.test(value) && URL.canParse(value)),
    `the https:// address of ${of}`,
    example,
  );
export const path = (example: string) => text(/^[\w-]+(\/[\w-]+)*$/, "a path without / at its ends", example);
export const region = text(/^[a-z]{2}(-[a-z]+)+-\d$/, "a region of AWS", "eu-central-1");
export const secretIn = (where: string, example: string) =>
  text(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, `the name of a Secret in ${where}`, example);

/** What is wrong with a part of an intent although each of its keys is well-formed. */
export interface Fault extends Partial<Hint> {
  /** The key in that part; empty for the part itself. */
  readonly path: readonly string[];
  /** Where "is" and the value does not say it. */
  readonly problem?: string;
  readonly allowed: string;
}
