import { sightingOf } from "./calls";
import { Coverage } from "./coverage";
import type { Listener } from "./hubble";
import { Tally } from "./tally";

/** What is seen of a namespace while its flows are read, from one server or several. */
export class Watch {
  readonly tally = new Tally();
  readonly coverage: Coverage;
  /** Nodes that were heard. */
  readonly heard = new Set<string>();
  flows = 0;
  lost = 0;
  #ended: number | undefined;

  /**
   * @param servers their names, each its own
   * @param clock milliseconds since 1970
   */
  constructor(
    readonly namespace: string,
    servers: readonly string[],
    readonly clock: () => number,
  ) {
    this.coverage = new Coverage(servers, clock());
  }

  /** The moment until which flows were read. */
  now(): number {
    return this.#ended ?? this.clock();
  }

  /** No more flows are read, and so no time counts any more. */
  end(): void {
    this.#ended ??= this.clock();
  }

  listenerOf(server: string): Listener {
    return {
      flow: (flow) => {
        const sighting = sightingOf(flow, this.namespace);
        if (!sighting) return;
        this.flows++;
        this.tally.add(sighting);
      },
      lost: (events) => (this.lost += events),
      node: (name, state, because) => {
        if (name === "") return;
        if (state === "silent") this.coverage.down(`node ${name}`, `${name}: ${because}`, this.now());
        else this.coverage.up(`node ${name}`, this.now());
        if (state === "heard") this.heard.add(name);
      },
      up: () => this.coverage.up(server, this.now()),
      down: (because) => this.coverage.down(server, because, this.now()),
    };
  }
}
