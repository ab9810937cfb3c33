// Tests of a JavaScript command line tool: they start it as a user would.
import { catalogued } from "../functions";
import type { Module, ResourceModule, SourceFile } from "../project";
import { mainField, recordOptions } from "../samples";
import { nodeLiteral } from "./base";

const TOOL = `import { execFile } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import process from "node:process";
import { fileURLToPath, URL } from "node:url";

const INDEX = fileURLToPath(new URL("../src/index.js", import.meta.url));

/** Gives a function that starts the tool the way a user does, with a file of its own for each test. */
export function makeTool(test) {
  const folder = mkdtempSync(join(tmpdir(), "tool-"));
  test.after(() => rmSync(folder, { recursive: true, force: true }));
  /** The exit code and the output: parsed when it went well, else the complaint. */
  return (...words) =>
    new Promise((resolve) => {
      const args = [INDEX, "--file", join(folder, "data.json"), ...words];
      execFile(process.execPath, args, (error, output, complaint) => {
        const code = error ? error.code : 0;
        resolve({ code, answer: code === 0 ? JSON.parse(output) : complaint });
      });
    });
}
`;

const TEST_HEAD = `import assert from "node:assert/strict";
import { test } from "node:test";
import { makeTool } from "../support/tool.js";

`;

const TOOL_TEST = `${TEST_HEAD}test("no command and unknown commands are wrong usage", async (t) => {
  const tool = makeTool(t);
  assert.equal((await tool()).code, 2);
  const { code, answer } = await tool("nonsense");
  assert.equal(code, 2);
  assert.match(answer, /usage/);
});
`;

/** Helper and tests of the skeleton. */
export const NODE_CLI_TEST_BASE: SourceFile[] = [
  { path: "support/tool.js", content: TOOL },
  { path: "test/tool.test.js", content: TOOL_TEST },
];

const command = (name: string) => name.replaceAll("_", "-");

/** Tests that start the tool. */
export function nodeCommandTest(module: Module): SourceFile[] {
  const text = testText(module);
  return text ? [{ path: `test/${module.name}.test.js`, content: TEST_HEAD + text }] : [];
}

function testText(module: Module): string | null {
  const name = command(module.name);
  const constants = (resource: ResourceModule, count: number) =>
    ["FIRST", "SECOND"]
      .slice(0, count)
      .map((one, index) => `const ${one} = ${nodeLiteral(recordOptions(resource, index + 1))};\n`)
      .join("");
  switch (module.shape) {
    case "resource":
      return `${constants(module, 2)}\n${resourceTest(module)}`;
    case "search": {
      const main = mainField(module.resource);
      const term = main.type === "text" && !main.email ? `${main.name} 2` : "";
      const records = command(module.resource.name);
      return `${constants(module.resource, 2)}
test("${name}: text and order", async (t) => {
  const tool = makeTool(t);
  const { answer: first } = await tool("${records}", "add", ...FIRST);
  const { answer: second } = await tool("${records}", "add", ...SECOND);
  assert.deepEqual((await tool("${name}", "${term}")).answer, ${term ? "[second]" : "[first, second]"});
  assert.deepEqual((await tool("${name}", "--sort=-id")).answer, [second, first]);
  assert.deepEqual((await tool("${name}", "nothing like this")).answer, []);
});

test("${name}: an unknown field is refused", async (t) => {
  assert.equal((await makeTool(t)("${name}", "--sort", "nonsense")).code, 1);
});
`;
    }
    case "summary":
      return `${constants(module.resource, 1)}
test("${name}: counts", async (t) => {
  const tool = makeTool(t);
  assert.equal((await tool("${name}")).answer.count, 0);
  await tool("${command(module.resource.name)}", "add", ...FIRST);
  assert.equal((await tool("${name}")).answer.count, 1);
});
`;
    case "action":
      return `${constants(module.resource, 1)}
test("${name}: the step is noted once and can be taken back", async (t) => {
  const tool = makeTool(t);
  const { answer } = await tool("${command(module.resource.name)}", "add", ...FIRST);
  const id = String(answer.id);
  assert.ok((await tool("${name}", id)).answer.${module.verb}_at);
  assert.equal((await tool("${name}", id)).code, 1);
  assert.equal((await tool("${name}", id, "--undo")).answer.${module.verb}_at, null);
});

test("${name}: an unknown record is refused", async (t) => {
  assert.equal((await makeTool(t)("${name}", "999")).code, 1);
});
`;
    case "function": {
      const { examples } = catalogued(module.id);
      const words = (args: unknown[]) =>
        ["--", ...args.map(String)].map((word) => JSON.stringify(word)).join(", ");
      const lines = examples.map(({ args, ...expected }) =>
        "result" in expected
          ? `  assert.deepEqual(await tool("${name}", ${words(args)}), { code: 0, answer: ${nodeLiteral(expected.result)} });\n`
          : `  assert.equal((await tool("${name}", ${words(args)})).code, 1);\n`,
      );
      return `test("${name}: examples", async (t) => {
  const tool = makeTool(t);
${lines.join("")}});

test("${name}: missing words are wrong usage", async (t) => {
  assert.equal((await makeTool(t)("${name}")).code, 2);
});
`;
    }
    default:
      return null;
  }
}

function resourceTest(resource: ResourceModule): string {
  const name = command(resource.name);
  const main = mainField(resource);
  const required = resource.fields.find((field) => field.required);
  const numeric = resource.fields.find((field) => field.type === "integer" || field.type === "number");
  const text = main.type === "text" && !main.email;
  const differ = recordOptions(resource, 1).join() !== recordOptions(resource, 2).join();
  return `test("${name}: add and show", async (t) => {
  const tool = makeTool(t);
  const { code, answer } = await tool("${name}", "add", ...FIRST);
  assert.equal(code, 0);
  assert.deepEqual(await tool("${name}", "show", String(answer.id)), { code: 0, answer });
});

test("${name}: list and filter", async (t) => {
  const tool = makeTool(t);
  const { answer: first } = await tool("${name}", "add", ...FIRST);
  const { answer: second } = await tool("${name}", "add", ...SECOND);
  assert.deepEqual((await tool("${name}", "list")).answer, [first, second]);
  assert.deepEqual((await tool("${name}", "list", ...SECOND)).answer, ${differ ? "[second]" : "[first, second]"});
});

test("${name}: update and remove", async (t) => {
  const tool = makeTool(t);
  const { answer: added } = await tool("${name}", "add", ...FIRST);
  const id = String(added.id);
${
  text
    ? `  const { answer } = await tool("${name}", "update", id, "--${main.name}", "changed");
  assert.deepEqual(answer, { ...added, ${main.name}: "changed" });
`
    : ""
}  assert.equal((await tool("${name}", "remove", id)).code, 0);
  assert.deepEqual((await tool("${name}", "list")).answer, []);
});

test("${name}: an unknown record is refused", async (t) => {
  const tool = makeTool(t);
  for (const step of ["show", "remove", "update"]) {
    const { code, answer } = await tool("${name}", step, "999");
    assert.equal(code, 1);
    assert.match(answer, /999/);
  }
});
${
  required
    ? `
test("${name}: ${required.name} is required", async (t) => {
  const { code, answer } = await makeTool(t)("${name}", "add");
  assert.equal(code, 1);
  assert.match(answer, /${required.name} is required/);
});
`
    : ""
}${
  numeric
    ? `
test("${name}: a wrong type is refused", async (t) => {
  assert.equal((await makeTool(t)("${name}", "add", ...FIRST, "--${numeric.name}", "many")).code, 2);
});
`
    : ""
}`;
}
