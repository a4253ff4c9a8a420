import type { Hint } from "../../core/schema/fields";
import type { StackConfig } from "../../core/schema/schema";
import type { Path } from "../../core/util/path";

/** A value that is well-formed and still wrong beside the others. */
export interface Conflict {
  readonly path: Path;
  /** Without an example where the key is to be removed. */
  readonly hint: Pick<Hint, "allowed"> & Partial<Hint>;
}

/** A configuration of which any key may be missing. */
export type PartialConfig = DeepPartial<StackConfig>;

type DeepPartial<T> = {
  readonly [K in keyof T]?: T[K] extends readonly unknown[] ? T[K] : T[K] extends object ? DeepPartial<T[K]> : T[K];
};
