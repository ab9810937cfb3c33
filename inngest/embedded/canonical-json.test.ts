import { expect, it } from "vitest";
import { canonicalize, canonicalObject } from "./canonical-json";

it("sorts keys at every depth and leaves undefined out", () => {
  expect(canonicalize({ b: [{ z: 1, a: undefined }], a: "\u0000é\ud800" })).toBe(
    '{"a":"\\u0000é\\ud800","b":[{"z":1}]}',
  );
});

it("writes numbers as ECMAScript does", () => {
  expect(canonicalize([1e21, 0.1, -0, Number.NaN])).toBe("[1e+21,0.1,0,null]");
});

it("joins members that are canonical already", () => {
  expect(canonicalObject({ b: "[1]", a: '"x"', c: undefined })).toBe('{"a":"x","b":[1]}');
});
