import { expect, it } from "vitest";
import { fillIn } from "./expression";
import { parseExpression } from "./parse-expression";
import type { Work } from "./records";
import { WaitIndex } from "./wait-index";

function wait(key: string, expression: string | null, kind: Work["kind"] = "wait"): Work {
  return {
    runId: "run",
    key,
    kind,
    dueAt: null,
    attempt: 0,
    race: false,
    name: null,
    eventName: "answer",
    condition:
      expression && JSON.stringify(fillIn(parseExpression(expression), { event: { data: { id: 1 } } })),
  };
}

it("finds the waits of an event, cancel rules first", () => {
  const index = new WaitIndex();
  const any = wait("any", null);
  const equal = wait("equal", "event.data.id == async.data.id && async.data.n > 1");
  const other = wait("other", "async.data.id == 2");
  const cancel = wait("cancel", "async.data.id == 1 || async.data.id == 3", "cancel");
  for (const work of [any, equal, other, cancel]) index.add(work);
  const keys = (data: Record<string, number>) => index.match("answer", { data }).map(({ key }) => key);
  expect(keys({ id: 1, n: 2 })).toEqual(["cancel", "any", "equal"]);
  expect(keys({ id: 1, n: 1 })).toEqual(["cancel", "any"]);
  expect(keys({ id: 2 })).toEqual(["any", "other"]);
  expect(index.match("question", { data: {} })).toEqual([]);
});

it("forgets what was removed", () => {
  const index = new WaitIndex();
  const works = [wait("a", "async.data.id == 1"), wait("b", "async.data.id == 1"), wait("c", null)];
  for (const work of works) index.add(work);
  index.remove(works[0]!);
  expect(index.match("answer", { data: { id: 1 } }).map(({ key }) => key)).toEqual(["c", "b"]);
  index.remove(works[1]!);
  index.remove(works[2]!);
  expect(index.has("answer")).toBe(false);
});
