import { describe, expect, it } from "vitest";
import { evaluate, evaluateValue, fillIn, findIndexKey } from "./expression";
import { ExpressionError, parseExpression, parseValue } from "./parse-expression";

const event = { data: { id: 7, name: "it's", list: [1, { deep: true }], nothing: null } };

describe("evaluate", () => {
  it.each([
    ["event.data.id == 7", true],
    ["event.data.id == '7'", false],
    ['event.data.name == "it\'s"', true],
    ["event.data.name == 'it\\'s'", true],
    ["event.data.id != 7", false],
    ["event.data.id > 6 && event.data.id <= 7.0", true],
    ["event.data.name > 3", false],
    ["event.data.missing == null", true],
    ["event.data.missing.deeper == 'x'", false],
    ["event.data.nothing == null", true],
    ["event.data.list[1].deep", true],
    ["!event.data.list[1].deep || event['data']['id'] == 7", true],
    ["!(event.data.id == 7 || false == true)", false],
    ["event.data.constructor == null", true],
  ])("%s is %s", (source, expected) => {
    expect(evaluate(parseExpression(source), { event })).toBe(expected);
  });

  it.each([
    "",
    "event.data.id ==",
    "event.data.id = 7",
    "size(event.data)",
    "a == b",
    "event.data.id == 7 7",
    "`x`",
    "(true",
  ])("refuses %j", (source) => {
    expect(() => parseExpression(source)).toThrow(ExpressionError);
  });
});

describe("fillIn", () => {
  it("leaves only the awaited event open", () => {
    const filled = fillIn(parseExpression("event.data.id == async.data.id && async.data.ok"), { event });
    expect(evaluate(filled, { async: { data: { id: 7, ok: true } } })).toBe(true);
    expect(evaluate(filled, { async: { data: { id: 8, ok: true } } })).toBe(false);
  });

  it("finds the equality that every match must fulfil", () => {
    const key = (source: string) => findIndexKey(fillIn(parseExpression(source), { event }));
    expect(key("event.data.id == async.data.id")).toEqual({ path: ["data", "id"], value: 7 });
    expect(key('async.data.a > 1 && async.data.commandId == "x"')).toEqual({
      path: ["data", "commandId"],
      value: "x",
    });
    expect(key('async.data.a == 1 || async.data.b == "x"')).toBeUndefined();
    expect(key("!(async.data.a == 1)")).toBeUndefined();
  });
});

describe("evaluateValue", () => {
  it.each([
    ["event.data.id", 7],
    ['event.data.name + "-" + event.data.id', "it's-7"],
    ["event.data.id + 3", 10],
    ['"all"', "all"],
    ["event.data.missing", null],
    ["event.data.id == 7 ? 120 : 0", 120],
    ["event.data.id == 8 ? 120 : event.data.list[1].deep ? -60 : 0", -60],
    ["(event.data.id > 3 && !false ? 1 : 2) + 1", 2],
  ])("%s is %j", (source, expected) => {
    expect(evaluateValue(parseValue(source), { event })).toEqual(expected);
  });

  it.each([
    ["size(event.data.list) > 1 ? 1 : 0", "size"],
    ["event.data.id > size(event.data) ? 1 : 0", "size"],
    ["event.data.id * 2", "*"],
    ["event.data.id > 1", ">"],
    ["event.data.id == 1 ? 5", "the end"],
    ["string(event.data.id)", "string"],
    ["async.data.id", "async"],
  ])("refuses %s, naming %s", (source, named) => {
    expect(() => parseValue(source)).toThrow(named);
    expect(() => parseValue(source)).toThrow(ExpressionError);
  });
});
