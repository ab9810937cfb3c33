import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readPlacedJson } from "./placed-json";

/** What JSON.parse makes of a text. */
function parsed(text: string): { value: unknown } | null {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return null;
  }
}

describe("JSON with places", () => {
  test("is read as JSON.parse reads it, and refused where that refuses", () => {
    const put = fc.constantFrom(
      "",
      "}",
      '"',
      ",",
      "\\",
      "1",
      "]",
      "e",
      ".",
      "-",
      " ",
      "\n",
      "tru",
      "null",
      "\\u00e4",
    );
    fc.assert(
      fc.property(fc.json({ maxDepth: 5 }), fc.nat(), put, (json, at, text) => {
        const place = at % (json.length + 1);
        const changed = json.slice(0, place) + text + json.slice(place);
        const ours = readPlacedJson(changed);
        const theirs = parsed(changed);
        if ("value" in ours) expect({ value: ours.value }).toEqual(theirs);
        else if (!ours.problem.includes("is there twice")) expect(theirs).toBeNull();
      }),
      { numRuns: 2_000 },
    );
  });

  test("knows where each value begins, and what is nearest to one that is not there", () => {
    const json = readPlacedJson('{\n  "a": [1,\n    {"b": "\u00e4"}]\n}');
    if ("problem" in json) throw new Error(json.problem);
    expect(json.placeOf(["a", 1, "b"])).toBe("line 3, column 11");
    expect(json.placeOf(["a", 1, "c"])).toBe("line 3, column 5");
    expect(json.placeOf(["x"])).toBe("line 1, column 1");
  });
});
