import { expect, it } from "vitest";
import { CallGate, type Limit } from "./call-gate";

function setUp() {
  const gate = new CallGate();
  const begun: string[] = [];
  const leave = new Map<string, () => void>();
  const enter = (name: string, limits: Limit[], rank = 0, isWanted = () => true) =>
    gate.enter({
      limits,
      rank,
      isWanted,
      begin: (done) => {
        begun.push(name);
        leave.set(name, done);
      },
    });
  return { begun, enter, end: (name: string) => leave.get(name)!() };
}

const one = (id: string): Limit => ({ id, size: 1 });

it("begins calls by rank, then in the order in which they came, and passes over unwanted ones", () => {
  const { begun, enter, end } = setUp();
  enter("a", [one("x")], 5);
  enter("b", [one("x")], 5);
  enter("c", [one("x")], 5);
  enter("gone", [one("x")], 1, () => false);
  enter("urgent", [one("x")], 2);
  expect(begun).toEqual(["a"]);
  for (const name of ["a", "urgent", "b"]) end(name);
  expect(begun).toEqual(["a", "urgent", "b", "c"]);
});

it("waits for every limit, without blocking those behind", () => {
  const { begun, enter, end } = setUp();
  enter("a", [one("x")]);
  enter("b", [one("y")]);
  enter("both", [one("x"), one("y")]);
  enter("x only", [one("x")], 1);
  end("a");
  expect(begun).toEqual(["a", "b", "x only"]);
  end("b");
  expect(begun).toEqual(["a", "b", "x only"]);
  end("x only");
  expect(begun).toEqual(["a", "b", "x only", "both"]);
});

it("counts an end once, and follows a limit that was changed", () => {
  const { begun, enter, end } = setUp();
  enter("a", [one("x")]);
  enter("b", [one("x")]);
  enter("c", [one("x")]);
  end("a");
  end("a");
  expect(begun).toEqual(["a", "b"]);
  enter("d", [{ id: "x", size: 3 }]);
  end("b");
  expect(begun).toEqual(["a", "b", "d", "c"]);
});
