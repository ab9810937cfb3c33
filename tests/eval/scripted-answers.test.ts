// What the scripts answer: the solution, one that goes wrong unseen, one that cannot be read; and the least that a
// role of which they know nothing may hand in.
import { expect, it } from "vitest";
import { coder } from "@/server/agents/roles/coder";
import { promptOf } from "@/server/agents/roles/roles";
import { toJsonSchema } from "@/server/agents/tools";
import { tasksNamed } from "./all-tasks";
import { leastOf } from "./least-answer";
import { answersOf, type Behaviour } from "./scripted-answers";
import type { EvalTask, OwnTask } from "./task";

const [build, change, bug] = tasksNamed(["roman-numerals", "page-links", "bytes-decimals"]) as [
  OwnTask,
  OwnTask,
  EvalTask,
];
const calls = (task: EvalTask, behaviour: Behaviour, role = "coder") =>
  (answersOf(task, behaviour)[role] ?? []).map((turn) => turn.map(({ name }) => name));
const written = (task: EvalTask, behaviour: Behaviour) =>
  (answersOf(task, behaviour).coder ?? []).flat().flatMap(({ input }) => String(input.content ?? ""));

it("a perfect coder writes the reference, and edits what was there", () => {
  expect(written(build, "perfect").slice(0, 1)).toEqual([build.reference[0]?.content]);
  expect(calls(change, "perfect")).toEqual([["read", "read"], ["edit", "edit"], ["finish"]]);
  expect(calls(bug, "perfect")).toEqual([["read"], ["edit"], ["finish"]]);
});

it("a plausible one writes the slip, and no test sees it", () => {
  expect(written(build, "plausible")[0]).toContain("if rest or not 1 <= total <= LARGEST:");
  expect(calls(change, "plausible")).toEqual([["write"], ["finish"]]);
  expect(calls(build, "plausible", "tester")).toEqual([["write"], ["finish"]]);
  expect(calls(bug, "plausible")).toEqual([["finish"]]);
  expect(calls(bug, "plausible", "tester")).toEqual([["finish"]]);
});

it("one that gets nothing green writes what no parser reads", () => {
  expect(written(build, "never-green")[0]?.endsWith("\n)(\n")).toBe(true);
  expect(calls(bug, "never-green", "tester")).toEqual([["write"], ["finish"]]);
});

it("nobody is told of hidden tests", () => {
  for (const behaviour of ["perfect", "plausible", "never-green"] as const)
    for (const task of [build, change])
      expect(JSON.stringify(answersOf(task, behaviour))).not.toContain(task.hidden[0]?.file);
});

it("agrees where it can, and hands in the least that will do", () => {
  const least = (role: Parameters<typeof promptOf>[0]) => {
    const { finish } = promptOf(role);
    return finish.parse(leastOf(toJsonSchema(finish)));
  };
  expect(least("reviewer")).toMatchObject({ verdict: "approve", findings: [] });
  expect(least("debugger")).toMatchObject({ recommendation: "fix_code" });
  expect(least("architect")).toMatchObject({ approaches: [{ title: expect.any(String) }] });
  expect(coder.finish.parse(leastOf(toJsonSchema(coder.finish)))).toEqual({ summary: "Nothing to report." });
  expect(leastOf({ anyOf: [{ const: "reject" }, { const: "approve" }] })).toBe("approve");
  expect(leastOf({ type: "array", minItems: 2, items: { type: "integer", minimum: 3 } })).toEqual([3, 3]);
});
