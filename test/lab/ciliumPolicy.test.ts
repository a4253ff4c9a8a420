import fc from "fast-check";
import { beforeAll, expect, test } from "vitest";
import { decide } from "../../core/access/decide";
import type { Phase } from "../../core/schema/schema";
import { runProgram } from "../../lab/spire/process";
import { buildTool } from "../../tools/go";
import { type evaluate, type Packet, type Verdict } from "../models/ciliumPolicy";
import { calls, meeting } from "../support/calls";
import { forms, policiesOf, sourcesOf } from "../support/ciliumCases";

// What intents mean, beside what Cilium's own parser and policy engine make of the policies.

type Policies = Parameters<typeof evaluate>[0];
interface Question {
  readonly policies: Policies;
  readonly packets: readonly Packet[];
}

let program: string;
beforeAll(() => {
  program = buildTool("cilium-policy");
});

/** Cilium's verdicts, one a packet; or why it refuses the policies. */
async function ask(questions: readonly Question[]): Promise<(Verdict[] | string)[]> {
  const { status, output } = await runProgram([program], { input: JSON.stringify(questions) });
  expect([status, output.slice(0, 1)]).toEqual([0, "["]);
  return JSON.parse(output) as (Verdict[] | string)[];
}

const phases = fc.constantFrom<Phase>("observe", "allow", "require");
const cases = meeting.chain((intents) =>
  fc.record({
    intents: fc.constant(intents),
    phase: phases,
    form: fc.constantFrom(...forms),
    parts: fc.constantFrom(1, 4),
    calls: fc.array(calls(intents), { minLength: 20, maxLength: 20 }),
  }),
);

test("Cilium's own engine decides every call as the intents say, in every phase, and on the way from the objects of earlier versions", async () => {
  const asked = fc.sample(cases, 500).map(({ intents, phase, form, parts, calls }) => {
    const judged = calls.flatMap((call) => sourcesOf(call.from).map((from) => ({ call, packet: { ...call, from } })));
    return {
      intents,
      phase,
      form,
      judged,
      policies: policiesOf(intents, phase, form, parts),
      packets: judged.map(({ packet }) => packet),
    };
  });
  const answers = await ask(asked.map(({ policies, packets }) => ({ policies, packets })));
  const seen = new Set<Verdict>();
  for (const [i, { intents, phase, form, judged }] of asked.entries()) {
    const expected = judged.map(({ call }): Verdict => {
      const { allowed, mustAuthenticate } = decide(intents, { xshop: phase }, call);
      return !allowed ? "denied" : mustAuthenticate ? "allowed once authenticated" : "allowed";
    });
    for (const verdict of expected) seen.add(verdict);
    const answer = answers[i];
    const wrong = expected.findIndex((verdict, k) => answer?.[k] !== verdict);
    if (wrong < 0 && typeof answer !== "string") continue;
    const what = { intents, phase, form, packet: judged[wrong]?.packet, cilium: answer?.[wrong] };
    expect.fail(
      `expected ${expected[wrong]}: ${JSON.stringify(typeof answer === "string" ? { ...what, answer } : what)}`,
    );
  }
  expect([...seen].sort()).toEqual(["allowed", "allowed once authenticated", "denied"]);
});
