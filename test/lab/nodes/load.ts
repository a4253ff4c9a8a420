import { until } from "../../../lab/until";
import { api, type Second, type TestCluster } from "./cluster";

/** Load generators, one on each node: fifty new connections a second, and five that are kept alive. */
export const generators = ["web/load", "billing/load"] as const;

/** What a load generator has seen while something was done. */
export interface Seen {
  readonly answered: number;
  readonly failed: number;
  /** Milliseconds until the slowest answer. */
  readonly worst: number;
  /** The seconds in which something failed. */
  readonly errors: readonly Second[];
}

/** What they have seen where no request failed. */
export const nothingFailed = generators.map(() => ({ failed: 0, errors: [] }));

/** Starts them, and waits until both ask. */
export async function startLoad(cluster: TestCluster, rate = 50): Promise<void> {
  const args = ["load", api, `${rate}`];
  await cluster.run("web/load", { node: "node1", serviceAccount: "frontend", args });
  await cluster.run("billing/load", { node: "node2", serviceAccount: "invoicer", args });
  await until("both load", () => generators.every((pod) => cluster.seconds(pod).length > 3));
}

/** Ends them. */
export function endLoad(cluster: TestCluster): void {
  for (const pod of generators) cluster.remove(pod);
}

/** What each generator sees while something is done, and six seconds more: what is asked may fail until five have gone by. */
export async function watchLoad(cluster: TestCluster, action: () => Promise<void>): Promise<Seen[]> {
  const before = generators.map((pod) => cluster.seconds(pod).length);
  await action();
  const after = generators.map((pod) => cluster.seconds(pod).length);
  await until("the load has gone on", () =>
    generators.every((pod, i) => cluster.seconds(pod).length > (after[i] ?? 0) + 6),
  );
  return generators.map((pod, i) => sum(cluster.seconds(pod).slice(before[i])));
}

const sum = (seconds: readonly Second[]): Seen => ({
  answered: seconds.reduce((total, { answered }) => total + answered, 0),
  failed: seconds.reduce((total, { failed }) => total + failed, 0),
  worst: Math.max(...seconds.map(({ worst }) => worst)),
  errors: seconds.filter(({ failed }) => failed > 0),
});

/** Says what they have seen, in a line. */
export function report(what: string, seen: readonly Seen[]): void {
  const each = seen.map(({ answered, failed, worst }) => `${answered} answered, ${failed} failed, worst ${worst} ms`);
  console.log(`${what}: ${each.join("; ")}`);
}
