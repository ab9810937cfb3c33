import type { PackageTask } from "../task";

/** One test uses a matcher that newer versions of its runner do not have: known to be red before anything is done. */
export const cssWhat: PackageTask = {
  name: "css-what-escapes",
  stack: "node",
  source: { debian: "node-css-what", version: "6.1.0" },
  title: "Escaped characters beyond U+FFFF are read as something else",
  description: `The selector \`#\\1f600 x\` names an element whose id starts with an emoji. The parser returns a
single unrelated character for the escape. Escapes of up to four hexadecimal digits come out right.`,
  inject: [{ file: "src/parse.ts", find: "(high & 0x3ff) | 0xdc00", replace: "(high & 0xff) | 0xdc00" }],
  addTest: [
    {
      file: "src/escapes.spec.ts",
      content: `import { parse } from ".";

describe("escapes", () => {
    it("reads a code point beyond the basic plane", () => {
        const [[token]] = parse("#\\\\1f600 x");
        expect(token).toMatchObject({ name: "id", value: "\\u{1F600}x" });
    });
});
`,
    },
  ],
  suite: ["src/*.spec.ts", "src/__fixtures__"],
  redBefore: true,
};
