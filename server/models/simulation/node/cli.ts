// A JavaScript command line tool: commands over the behaviour of core.ts, and tests that start the tool as a user would.
import { catalogued } from "../functions";
import { camel, pascal } from "../names";
import type { Module, Project, ResourceModule, SourceFile } from "../project";
import { mainField, recordOptions } from "../samples";
import { NODE_BASE, nodeLiteral, packageJson } from "./base";

const INDEX = `#!/usr/bin/env node
import console from "node:console";
import process from "node:process";
import { AppError } from "./errors.js";
import { COMMANDS } from "./registry.js";
import { Store } from "./store.js";

const USAGE = \`usage: [--file FILE] COMMAND ...\\ncommands: \${COMMANDS.map(({ name }) => name).join(", ")}\`;

/** Runs one command and returns the exit code: 0 done, 1 refused, 2 wrong usage. */
function main(words) {
  const [file, rest] = words[0] === "--file" ? [words[1], words.slice(2)] : ["data.json", words];
  const command = COMMANDS.find(({ name }) => name === rest[0]);
  if (!command || !file) return complain(USAGE, 2);
  try {
    console.log(JSON.stringify(command.run(new Store(file), rest.slice(1)), null, 2));
    return 0;
  } catch (error) {
    if (error instanceof AppError) {
      const details = Object.entries(error.details).map(([name, problem]) => \`\\n  \${name} \${problem}\`);
      return complain(error.message + details.join(""), error.code === "usage" ? 2 : 1);
    }
    if (String(error.code).startsWith("ERR_PARSE_ARGS")) return complain(error.message, 2);
    throw error;
  }
}

function complain(message, code) {
  console.error(message);
  return code;
}

process.exitCode = main(process.argv.slice(2));
`;

const OPTIONS = `import { parseArgs } from "node:util";
import { AppError } from "./errors.js";

/** A complaint about the way the tool was called. */
export const usage = (message) => new AppError("usage", message);

/** Reads \`--field value\` options and positional words by declared fields. */
export function readWords(words, fields = {}) {
  const options = Object.fromEntries(
    Object.entries(fields).map(([name, { type }]) => [name, { type: type === "boolean" ? type : "string" }]),
  );
  const { values, positionals } = parseArgs({ args: words, options, allowPositionals: true });
  const read = ([name, value]) => [name, convert(name, value, fields[name].type)];
  return { values: Object.fromEntries(Object.entries(values).map(read)), positionals };
}

/** A word of the command line as a value of the type. */
export function convert(name, word, type) {
  if (type !== "number" && type !== "integer") return word;
  const value = Number(word);
  if (word.trim() === "" || !Number.isFinite(value)) throw usage(\`\${name} must be a number\`);
  if (type === "integer" && !Number.isInteger(value)) throw usage(\`\${name} must be a whole number\`);
  return value;
}
`;

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

/** Everything of the tool that no single feature owns. */
export function nodeCliSkeleton(project: Project): SourceFile[] {
  const entries = {
    bin: { [project.slug]: "src/index.js" },
    scripts: { start: "node src/index.js", test: "node --test" },
  };
  return [
    { path: "package.json", content: packageJson(project.slug, entries) },
    { path: "src/index.js", content: INDEX },
    { path: "src/options.js", content: OPTIONS },
    ...NODE_BASE,
  ];
}

/** Helper and tests of the skeleton. */
export const NODE_CLI_TEST_BASE: SourceFile[] = [
  { path: "support/tool.js", content: TOOL },
  { path: "test/tool.test.js", content: TOOL_TEST },
];

/** The list of commands after some tasks. */
export function nodeCommandRegistry(names: readonly string[]): SourceFile {
  const imports = names.map((name) => `import * as ${name} from "./commands/${name}.js";\n`).join("");
  return {
    path: "src/registry.js",
    content: `${imports}\n/** The commands of the tool, in the order in which they were added. */\nexport const COMMANDS = [\n${names.map((name) => `  ${name},\n`).join("")}];\n`,
  };
}

const command = (name: string) => name.replaceAll("_", "-");

/** The command for what a task adds. */
export function nodeCommand(module: Module): SourceFile {
  return { path: `src/commands/${module.name}.js`, content: commandText(module) };
}

function commandText(module: Module): string {
  const name = `export const name = "${command(module.name)}";\n`;
  switch (module.shape) {
    case "resource":
      return resourceCommand(module, name);
    case "search":
      return `import { ${pascal(module.resource.name)} } from "../features/${module.resource.name}.js";
import { search } from "../features/${module.name}.js";
import { readWords } from "../options.js";

${name}
/** Words: the text, --sort FIELD, --limit NUMBER. */
export function run(store, words) {
  const fields = { sort: { type: "text" }, limit: { type: "integer" } };
  const { values, positionals } = readWords(words, fields);
  return search(new ${pascal(module.resource.name)}(store), { text: positionals[0] ?? "", ...values });
}
`;
    case "summary":
      return `import { ${pascal(module.resource.name)} } from "../features/${module.resource.name}.js";
import { summarise } from "../features/${module.name}.js";

${name}
export function run(store) {
  return summarise(new ${pascal(module.resource.name)}(store));
}
`;
    case "action":
      return `import { ${pascal(module.resource.name)} } from "../features/${module.resource.name}.js";
import { mark, unmark } from "../features/${module.name}.js";
import { readWords, usage } from "../options.js";

${name}
/** Words: the id of a record, --undo to take the step back. */
export function run(store, words) {
  const { values, positionals } = readWords(words, { undo: { type: "boolean" } });
  if (positionals.length !== 1) throw usage(\`usage: \${name} ID [--undo]\`);
  const step = values.undo ? unmark : mark;
  return step(new ${pascal(module.resource.name)}(store), positionals[0]);
}
`;
    case "function": {
      const { id, params } = catalogued(module.id);
      const values = params.map(({ name: param, type }, index) =>
        type === "text" ? `positionals[${index}]` : `convert("${param}", positionals[${index}], "${type}")`,
      );
      return `import { ${camel(id)} } from "../features/${module.name}.js";
import { ${params.some(({ type }) => type !== "text") ? "convert, " : ""}readWords, usage } from "../options.js";

${name}
export function run(_store, words) {
  const { positionals } = readWords(words);
  if (positionals.length !== ${params.length}) throw usage(\`usage: \${name} ${params.map((param) => param.name.toUpperCase()).join(" ")}\`);
  return ${camel(id)}(${values.join(", ")});
}
`;
    }
    default:
      return name;
  }
}

function resourceCommand(resource: ResourceModule, name: string): string {
  const type = pascal(resource.name);
  return `import { FIELDS, ${type} } from "../features/${resource.name}.js";
import { readWords, usage } from "../options.js";

${name}
const STEPS = {
  add: (records, { values }) => records.add(values),
  list: (records, { values }) => records.all(values),
  show: (records, { id }) => records.get(id),
  update: (records, { id, values }) => records.update(id, values),
  remove: (records, { id }) => records.remove(id),
};

/** Words: add, list, show ID, update ID or remove ID, then --field value. */
export function run(store, [step, ...words]) {
  const { values, positionals } = readWords(words, FIELDS);
  const withId = ["show", "update", "remove"].includes(step);
  if (!Object.hasOwn(STEPS, step ?? "") || positionals.length !== (withId ? 1 : 0)) {
    throw usage(\`usage: \${name} add|list|show ID|update ID|remove ID [--field value]\`);
  }
  return STEPS[step](new ${type}(store), { id: positionals[0], values });
}
`;
}

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
