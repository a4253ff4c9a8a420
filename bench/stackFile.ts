import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { dump } from "js-yaml";

/** How many namespaces the intents of a generated stack are spread over. */
const namespaces = 50;

/**
 * A stack as a large organisation has it: intents spread over namespaces in `require`, each on a workload of its own, with three callers from other
 * namespaces. On a new cluster, in whose namespaces no pod runs yet, so that the guardrails let all of them go there at once.
 */
export function stackOf(intents: number): Record<string, unknown> {
  const numbered = Array.from({ length: intents }, (_, i) => i);
  const namespaceOf = (i: number) => `team-${i % namespaces}`;
  const all = [...new Set(numbered.map(namespaceOf))];
  return {
    auth: true,
    trustDomain: "bench.zt.internal",
    cluster: {
      name: "bench",
      context: "bench",
      identity: "00000000-0000-0000-0000-000000000000",
      kubernetes: "1.34",
      cilium: { version: "1.19.3", delivery: "flux" },
    },
    rollout: {
      phases: Object.fromEntries(all.map((namespace) => [namespace, "require"])),
      greenfield: all,
    },
    access: numbered.map((i) => ({
      name: `service-${i}`,
      target: { namespace: namespaceOf(i), selector: { app: `service-${i}` } },
      port: 8080,
      callers: [1, 2, 3].map((n) => ({ namespace: namespaceOf(i + n), serviceAccount: `service-${i + n}` })),
    })),
  };
}

/** Writes a project with the one stack `bench`, as the commands find it in their working directory. */
export function writeProject(directory: string, intents: number): void {
  mkdirSync(directory, { recursive: true });
  const { access, ...keys } = stackOf(intents);
  const accessFile = "access.bench.yaml";
  const config = Object.fromEntries(
    Object.entries({ ...keys, accessFile }).map(([key, value]) => [`zero-trust:${key}`, value]),
  );
  writeFileSync(join(directory, accessFile), dump(access, { noRefs: true }));
  writeFileSync(join(directory, "Pulumi.yaml"), dump({ name: "zero-trust", runtime: "nodejs" }));
  writeFileSync(join(directory, "Pulumi.bench.yaml"), dump({ config }, { noRefs: true }));
}
