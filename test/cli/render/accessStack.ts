import { renderStack } from "../../../cli/lib/renderStack";
import type { Intent } from "../../../core/schema/schema";
import { root } from "../../support/stacks";

/** On port 8080, for a service account and a network. */
export const intent = (namespace: string, name: string, from: string): Intent => ({
  name,
  target: { namespace, selector: { app: name } },
  port: 8080,
  callers: [
    { namespace: from, serviceAccount: "frontend" },
    { cidr: "192.0.2.0/24", reason: `it's "old" <b>&` },
  ],
});

/** The stack apps with other intents. */
export function stackOf(
  access: readonly Intent[],
  phases: Record<string, string>,
  assignments: readonly string[] = [],
) {
  return renderStack(
    root,
    "apps",
    [
      `access=${JSON.stringify(access)}`,
      `rollout.phases=${JSON.stringify(phases)}`,
      `rollout.greenfield=${JSON.stringify(Object.keys(phases))}`,
      ...assignments,
    ],
    undefined,
  );
}
