import { describe, expect, test } from "vitest";
import { types } from "../components/types";
import { stacks, transitionOf, transitions } from "./support/stacks";

/**
 * The whole resource graph of each stack and transition, committed: a change of the program shows here what every cluster would get.
 * To accept one: npx vitest run test/golden.test.ts --update
 */
describe.each(stacks)("the resource graph of stack %s", (stack) => {
  test.each(transitions)("$name is the one that is committed", async (transition) => {
    const { plan } = transitionOf(stack, transition);
    const graph = {
      outputs: plan.outputs,
      recordedAfter: plan.recordedAfter,
      components: plan.components.map(({ kind, ...component }) => ({ type: types[kind], ...component })),
    };
    await expect(`${JSON.stringify(graph, null, 2)}\n`).toMatchFileSnapshot(`golden/${stack}-${transition.name}.json`);
  });
});
