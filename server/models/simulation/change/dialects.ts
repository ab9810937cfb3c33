// How tests are written for the runners of JavaScript that a repository may use.
import type { Runner } from "./conventions";

export interface Dialect {
  /** Lines of imports, for ES modules or CommonJS. */
  head(esm: boolean): string[];
  /** A test with the given statements. */
  test(title: string, statements: readonly string[]): string[];
  equal(actual: string, expected: string): string;
  /** The call must throw a RangeError. */
  refuses(call: string): string;
}

const load = (esm: boolean, what: string, from: string) =>
  esm ? `import ${what} from "${from}";` : `const ${what} = require("${from}");`;

const block = (opening: string, statements: readonly string[], closing = "});") => [
  opening,
  ...statements.map((line) => (line === "" ? "" : `  ${line}`)),
  closing,
];

const asserted: Pick<Dialect, "equal" | "refuses"> = {
  equal: (actual, expected) => `assert.deepEqual(${actual}, ${expected});`,
  refuses: (call) => `assert.throws(() => ${call}, RangeError);`,
};

const expected: Pick<Dialect, "equal" | "refuses"> = {
  equal: (actual, wanted) => `expect(${actual}).toEqual(${wanted});`,
  refuses: (call) => `expect(() => ${call}).toThrow(RangeError);`,
};

const plainTest: Dialect["test"] = (title, statements) => block(`test("${title}", () => {`, statements);

export const DIALECTS: Record<Runner, Dialect> = {
  "node-test": {
    head: (esm) => [load(esm, "assert", "node:assert/strict"), load(esm, "{ test }", "node:test")],
    test: plainTest,
    ...asserted,
  },
  jest: { head: () => [], test: plainTest, ...expected },
  vitest: { head: () => ['import { expect, test } from "vitest";'], test: plainTest, ...expected },
  mocha: {
    head: (esm) => [load(esm, "assert", "node:assert/strict")],
    test: (title, statements) => block(`it("${title}", () => {`, statements),
    ...asserted,
  },
  ava: {
    head: (esm) => [load(esm, "test", "ava")],
    test: (title, statements) => block(`test("${title}", (t) => {`, statements),
    equal: (actual, wanted) => `t.deepEqual(${actual}, ${wanted});`,
    refuses: (call) => `t.throws(() => ${call}, { instanceOf: RangeError });`,
  },
  tape: {
    head: (esm) => [load(esm, "test", "tape")],
    test: (title, statements) => block(`test("${title}", (t) => {`, [...statements, "t.end();"]),
    equal: (actual, wanted) => `t.deepEqual(${actual}, ${wanted});`,
    refuses: (call) => `t.throws(() => ${call}, RangeError);`,
  },
};
