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

  /** @param now milliseconds since 1970 */
  constructor(
    readonly namespace: string,
    servers: readonly string[],
    readonly now: () => number,
  ) {
    this.coverage = new Coverage(servers, now());
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
