// A JavaScript command line tool: commands over the behaviour of core.ts.
import { catalogued } from "../functions";
import { camel, pascal } from "../names";
import type { Module, Project, ResourceModule, SourceFile } from "../project";
import { NODE_BASE, packageJson } from "./base";

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
