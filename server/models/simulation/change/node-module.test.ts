import { describe, expect, it } from "vitest";
import { CALCULATIONS } from "../functions-numbers";
import { TEXTS } from "../functions-text";
import { type Conventions, restyled } from "./conventions";
import { changeTasks } from "./modules";
import { nodeModule } from "./node-module";
import { pythonModule } from "./python-module";

const OURS: Conventions = {
  esm: true,
  typescript: false,
  runner: "node-test",
  importEnding: "",
  single: false,
  semicolons: true,
  indent: "  ",
};
const STYLES: [name: string, style: Conventions][] = [
  ["ours", OURS],
  [
    "CommonJS with tabs, single quotes and no semicolons",
    { ...OURS, esm: false, single: true, semicolons: false, indent: "\t" },
  ],
  ["TypeScript", { ...OURS, typescript: true }],
];

const job = { title: "x", description: "", features: [], stack: [], toolchains: [], context: null };
const [collection] = changeTasks(job, ["Customers"]);
const MODULES = [
  ...[...TEXTS, ...CALCULATIONS].map(({ id }) => ({ shape: "function" as const, id, name: id, title: id })),
  ...(collection ? [collection.module] : []),
];

describe.each(MODULES)("the module $name", (module) => {
  it.each(STYLES)("can be made with each of its mistakes in the style of %s", (_, style) => {
    const { content, bugs } = nodeModule(module, style);
    expect(bugs.length).toBeGreaterThan(0);
    for (const bug of bugs) expect(content).toContain(bug.right);
    expect(content).not.toMatch(/ERRORS|AppError/);
    if (!style.semicolons) expect(content).not.toMatch(/;$/m);
    if (style.typescript) expect(content).toMatch(/: (?:string|number|Values)/);
  });

  it("can be made with each of its mistakes in Python", () => {
    const { content, bugs } = pythonModule(module);
    expect(bugs.length).toBeGreaterThan(0);
    for (const bug of bugs) expect(content).toContain(bug.right);
    expect(content).not.toMatch(/PACKAGE|Invalid\(/);
  });
});

it("turns quotes round only where the text stays the same", () => {
  const style = { ...OURS, single: true, semicolons: false };
  expect(restyled('say("a", "b\\n");', style)).toBe("say('a', 'b\\n')");
  expect(restyled(`say("it's");`, style)).toBe(`say("it's")`);
  expect(restyled('say("x \\"y\\"", "z");', style)).toBe(`say("x \\"y\\"", 'z')`);
});
