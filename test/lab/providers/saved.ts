import type { Fields } from "./values";

/** What the engine records of a resource. */
export interface Saved {
  readonly id: string;
  readonly state: Fields;
}

/** The resource exists, but is not ready, or has not become what was asked: the engine records it and tries again with the next update. */
export class NotReady extends Error {
  constructor(
    message: string,
    readonly saved: Saved,
    readonly inputs?: Fields,
  ) {
    super(message);
  }
}
