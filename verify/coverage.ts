/** A time in which something could not be heard. In milliseconds since 1970. */
export interface Interruption {
  readonly from: number;
  readonly to: number;
  readonly because: string;
}

/** For how long everything that has to be heard was: servers, and the nodes that they tell of. What was not is named, and does not count. */
export class Coverage {
  readonly #down = new Map<string, string>();
  readonly #interruptions: Interruption[] = [];
  #milliseconds = 0;
  /** Since when everything is heard, or has not been. */
  #since: number;
  #because: string;

  /** @param servers none of which is heard yet */
  constructor(servers: readonly string[], now: number) {
    for (const server of servers) this.#down.set(server, `${server} is not connected yet`);
    this.#since = now;
    this.#because = "";
  }

  /** Something is heard, again or at last, or is gone for good. */
  up(part: string, now: number): void {
    if (!this.#down.delete(part) || this.#down.size > 0) return;
    // What came before the first moment is not part of the window.
    if (this.#because !== "") this.#interruptions.push({ from: this.#since, to: now, because: this.#because });
    this.#since = now;
  }

  down(part: string, because: string, now: number): void {
    if (this.#down.size === 0) {
      this.#milliseconds += now - this.#since;
      this.#since = now;
      this.#because = because;
    }
    this.#down.set(part, because);
  }

  /** Why not everything is heard at the moment. */
  get silent(): string | undefined {
    return [...this.#down.values()][0];
  }

  seconds(now: number): number {
    return Math.floor((this.#milliseconds + (this.#down.size === 0 ? now - this.#since : 0)) / 1000);
  }

  interruptions(now: number): Interruption[] {
    const open =
      this.#down.size > 0 && this.#because !== "" ? [{ from: this.#since, to: now, because: this.#because }] : [];
    return [...this.#interruptions, ...open];
  }
}
