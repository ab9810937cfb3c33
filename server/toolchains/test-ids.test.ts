import { expect, it } from "vitest";
import { compareTestIds } from "./test-ids";

it.each([
  ["equal sets", ["a", "b"], ["b", "a"], [], []],
  ["a lost test", ["a", "b"], ["a"], ["b"], []],
  ["an unlisted test", ["a"], ["a", "b"], [], ["b"]],
  ["rows of a table", ["f::adds {*} and {*}"], ["f::adds 1 and 2", "f::adds 3 and 4"], [], []],
  ["a table without rows", ["f::row {*}"], [], ["f::row {*}"], []],
  ["a wildcard over suites", ["f::{*}works"], ["f::x::works"], [], []],
  ["an empty stretch", ["f::a{*}"], ["f::a"], [], []],
  ["parts that would overlap", ["aba{*}aba"], ["aba"], ["aba{*}aba"], ["aba"]],
  ["parts in the wrong order", ["x{*}b{*}a{*}y"], ["xaby"], ["x{*}b{*}a{*}y"], ["xaby"]],
  ["special characters", ["f::a.(b)*"], ["f::a.(b)*"], [], []],
])("%s", (_name, listed, reported, missing, unexpected) => {
  expect(compareTestIds(listed, reported)).toEqual({ missing, unexpected });
});
