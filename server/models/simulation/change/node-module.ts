// A module for a JavaScript or TypeScript repository: one file that needs no other.
import { catalogued } from "../functions";
import { camel, pascal, sentence } from "../names";
import type { Bug, FieldSpec, FunctionModule, ResourceModule } from "../project";
import { forSource } from "../text";
import { type Conventions, restyled } from "./conventions";
import type { ChangeModule } from "./modules";
import { typed } from "./typescript";

export interface Written {
  content: string;
  bugs: Bug[];
}

/** What the module is imported by. */
export function exportedName(module: ChangeModule): string {
  return module.shape === "function" ? camel(module.id) : pascal(module.name);
}

/** The module's text and the mistakes that it can be made with, in the repository's own style. */
export function nodeModule(module: ChangeModule, conventions: Conventions): Written {
  const plain = module.shape === "function" ? functionText(module) : collection(module);
  const content = conventions.typescript ? typed(module, plain.content) : plain.content;
  const text = conventions.esm ? content : commonJs(content, exportedName(module));
  const bugs = plain.bugs.map(({ right, wrong, why }) => ({
    right: restyled(right, conventions),
    wrong: restyled(wrong, conventions),
    why,
  }));
  const styled = restyled(text, conventions);
  // A mistake must be found in the text; where the style would hide one, the text stays in ours.
  return bugs.every((bug) => styled.includes(bug.right))
    ? { content: styled, bugs }
    : { content: text, bugs: plain.bugs };
}

function functionText({ id }: FunctionModule): Written {
  const { about, node, bug } = catalogued(id);
  const body = node
    .replace(/^import \{ AppError \} from "ERRORS";\n\n/, "")
    .replace(/new AppError\("invalid", /g, "new RangeError(");
  return {
    content: `// ${about}\n\n${body}`,
    bugs: [{ right: bug.node[0], wrong: bug.node[1], why: bug.why }],
  };
}

/** Declarations of ES modules as CommonJS has them. */
function commonJs(text: string, name: string): string {
  return `${text.replace(/^export /gm, "")}\nmodule.exports = { ${name} };\n`;
}

const KINDS: Record<FieldSpec["type"], string> = {
  text: "string",
  number: "number",
  integer: "number",
  boolean: "boolean",
};

function collection(module: ResourceModule): Written {
  const fields = module.fields.map(
    ({ name, type, required }) => `  ${name}: { type: "${KINDS[type]}", required: ${required} },\n`,
  );
  const content = `// ${sentence(forSource(module.title, 60))}: records with ids, kept in memory.

const FIELDS = {
${fields.join("")}};

export class ${pascal(module.name)} {
  #records = new Map();
  #nextId = 1;

  /** Stores a copy of a record and returns it with its id; throws a RangeError for wrong values. */
  add(values) {
    const record = { ...checked(values, true), id: this.#nextId };
    this.#nextId += 1;
    this.#records.set(record.id, record);
    return { ...record };
  }

  /** The record with this id; throws a RangeError when there is none. */
  get(id) {
    const record = this.#records.get(id);
    if (!record) throw new RangeError(\`There is no record \${id}.\`);
    return { ...record };
  }

  /** All records in the order in which they were added. */
  all() {
    return [...this.#records.values()].map((record) => ({ ...record }));
  }

  /** Changes single fields of a record and returns it. */
  update(id, changes) {
    const record = { ...this.get(id), ...checked(changes, false) };
    this.#records.set(id, record);
    return { ...record };
  }

  /** Removes a record and returns what it was. */
  remove(id) {
    const record = this.get(id);
    this.#records.delete(id);
    return record;
  }
}

function checked(values, complete) {
  for (const [name, value] of Object.entries(values)) {
    if (!Object.hasOwn(FIELDS, name)) throw new RangeError(\`\${name} is not known.\`);
    if (typeof value !== FIELDS[name].type) throw new RangeError(\`\${name} is of the wrong type.\`);
  }
  for (const [name, field] of Object.entries(FIELDS)) {
    if (complete && field.required && !Object.hasOwn(values, name)) throw new RangeError(\`\${name} is required.\`);
  }
  return values;
}
`;
  return { content, bugs: COLLECTION_BUGS };
}

const COLLECTION_BUGS: Bug[] = [
  {
    right: "this.#records.delete(id);",
    wrong: "this.#records.get(id);",
    why: "removing a record left it where it was",
  },
  {
    right: "...this.get(id), ...checked(changes, false)",
    wrong: "...checked(changes, false), ...this.get(id)",
    why: "a change was covered by the old values of the record",
  },
];
