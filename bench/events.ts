/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function generator(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let t = state;
    t = Math.imul(t ^ (t >>> 15), t | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
}

/** What happens at which second: a binary heap. */
export class Queue {
  private readonly heap: { readonly at: number; readonly run: (now: number) => void }[] = [];

  add(at: number, run: (now: number) => void): void {
    const { heap } = this;
    let i = heap.push({ at, run }) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (heap[parent]!.at <= at) break;
      [heap[i], heap[parent]] = [heap[parent]!, heap[i]!];
      i = parent;
    }
  }

  /** Runs what happens until then, in order. */
  run(horizon: number): void {
    for (let first = this.heap[0]; first && first.at <= horizon; first = this.heap[0]) {
      this.removeFirst();
      first.run(first.at);
    }
  }

  private removeFirst(): void {
    const { heap } = this;
    const last = heap.pop();
    if (!last || heap.length === 0) return;
    let i = 0;
    for (;;) {
      const [left, right] = [2 * i + 1, 2 * i + 2];
      const child = right < heap.length && heap[right]!.at < heap[left]!.at ? right : left;
      if (child >= heap.length || heap[child]!.at >= last.at) break;
      heap[i] = heap[child]!;
      i = child;
    }
    heap[i] = last;
  }
}
