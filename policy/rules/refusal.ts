import { recordOf } from "./values";

/** What a webhook refuses in an object. */
export interface Refusal {
  /** As `spec.privateKey.size`. */
  readonly path: string;
  readonly message: string;
}

export const when = (isWrong: boolean, path: string, message: string): Refusal[] =>
  isWrong ? [{ path, message }] : [];

/** Whether Go's JSON decoder would find a text there that is not empty. */
export const given = (value: unknown): value is string => typeof value === "string" && value !== "";

/** Whether Go's JSON decoder would find an object or a text there at all. */
export const isSet = (value: unknown): boolean => value !== undefined && value !== null;

/** What has to be there. */
export const required = (value: unknown, path: string): Refusal[] => when(!given(value), path, "is missing; write it");

/** A name and a key of a Secret (internal/apis/certmanager/validation/issuer.go, ValidateSecretKeySelector). */
export function secretKey(value: unknown, path: string): Refusal[] {
  const { name, key } = recordOf(value);
  return [...required(name, `${path}.name`), ...required(key, `${path}.key`)];
}
