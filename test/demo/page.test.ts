import { describe, expect, test } from "vitest";
import { demoPage } from "../../lab/demo/page";
import type { Story } from "../../lab/demo/story";

const story: Story = {
  title: "Off & on",
  steps: [
    { name: "Off", command: "pulumi up", from: 0, to: 4000, outcome: "5 updated" },
    { name: "On <again>", command: "pulumi up", from: 4000, to: 9000, outcome: "3 updated" },
  ],
  calls: [{ at: 9500, caller: "web/intruder", target: "orders/api", answer: "no answer", verdict: "POLICY_DENIED" }],
  load: {
    "web/load": [
      { at: 1000, answered: 75, failed: 0, worst: 12 },
      { at: 2000, answered: 70, failed: 5, worst: 5000 },
    ],
    "billing/load": [{ at: 1000, answered: 75, failed: 0, worst: 30 }],
  },
};

describe("the page of the demo", () => {
  const html = demoPage(story);

  test("says how many of how many requests failed, whoever asked", () => {
    expect(html).toContain("<strong>5</strong> of 225 requests failed");
  });

  test("marks every step in the picture, and has it in a table with what was typed and what came of it", () => {
    expect(html.match(/class="middle"/g)).toHaveLength(story.steps.length);
    expect(html).toContain("<td>pulumi up</td><td>4 s</td><td>5 updated</td>");
  });

  test("draws as high as the highest, and says how high that is", () => {
    expect(html).toContain(">75</text>");
    expect(html).toContain(">5000 ms</text>");
    expect([...html.matchAll(/ y="(-?[\d.]+)"/g)].map(([, y]) => Number(y)).every((y) => y >= 0)).toBe(true);
  });

  test("shows names as they are, and loads nothing", () => {
    expect(html).toContain("On &#60;again&#62;");
    expect(html).toContain("<h1>Off &#38; on</h1>");
    const names = / xmlns="[^"]+"/;
    expect(html.replace(names, "")).not.toMatch(/https?:|<script|@import|url\(/);
  });

  test("is a page also of a story in which nothing happened", () => {
    expect(demoPage({ title: "", steps: [], calls: [], load: {} })).toContain("<strong>0</strong> of 0 requests");
  });
});
