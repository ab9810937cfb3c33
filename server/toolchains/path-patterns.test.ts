import { describe, expect, test } from "vitest";
import { pathMatcher } from "./path-patterns";

describe("a list of paths", () => {
  test.each([
    ["dist/", "dist/a.js", true],
    ["dist/", "web/dist/a.js", true],
    ["dist/", "dist", false],
    ["dist", "dist", true],
    ["/dist", "web/dist/a.js", false],
    ["/dist", "dist/a/b.js", true],
    ["./dist", "dist/a", true],
    ["*.min.js", "a/b/x.min.js", true],
    ["*.min.js", "a/b/x.min.jsx", false],
    ["src/*.js", "src/a.js", true],
    ["src/*.js", "src/a/b.js", false],
    ["src/**/*.js", "src/a.js", true],
    ["src/**/*.js", "src/a/b/c.js", true],
    ["docs/**", "docs/a/b", true],
    ["docs/**", "src/docs", false],
    ["**/gen", "a/b/gen/c.ts", true],
    ["**", "anything/at/all", true],
    ["a?c", "abc", true],
    ["a?c", "ac", false],
    ["ü*.txt", "x/über uns.txt", true],
    ["*a*b*", "xxaxxbxx", true],
    ["*a*b", "xxaxxbxx", false],
    ["(x|y)+", "(x|y)+", true],
    ["/", "a", false],
  ])("%s meets %s: %s", (pattern, path, met) => expect(pathMatcher([pattern])(path)).toBe(met));

  test("is met by one of its lines", () => {
    const met = pathMatcher(["a/", "*.lock"]);
    expect(["a/b", "x.lock", "b"].map(met)).toEqual([true, true, false]);
    expect(pathMatcher([])("a")).toBe(false);
  });

  test("is read in steps that grow with both lengths only", () => {
    let steps = 0;
    const name = new Proxy(Object("a".repeat(200)), {
      get: (target, key) => {
        steps += 1;
        const value = Reflect.get(target, key);
        return typeof value === "function" ? value.bind(target) : value;
      },
    }) as string;
    const path = { split: () => [name] } as unknown as string;
    expect(pathMatcher([`${"a*".repeat(100)}b`])(path)).toBe(false);
    expect(steps).toBeLessThan(100_000);
  });
});
