/** What a load generator saw in one second. Times are milliseconds since the story began. */
export interface Moment {
  readonly at: number;
  readonly answered: number;
  readonly failed: number;
  /** Milliseconds until the slowest answer. */
  readonly worst: number;
}

/** A step of the story. */
export interface Step {
  /** What it is for, in words. */
  readonly name: string;
  /** What the user types. */
  readonly command: string;
  readonly from: number;
  readonly to: number;
  /** What came of it, in words. */
  readonly outcome: string;
}

/** A request that was asked for its own sake. */
export interface Call {
  readonly at: number;
  readonly caller: string;
  readonly target: string;
  readonly answer: string;
  /** What Hubble says of it. */
  readonly verdict: string;
}

export interface Story {
  readonly title: string;
  readonly steps: readonly Step[];
  readonly calls: readonly Call[];
  /** By the name of the load generator, in order of time. */
  readonly load: Readonly<Record<string, readonly Moment[]>>;
}
