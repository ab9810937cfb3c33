// The behaviour of JavaScript tools and libraries, apart from any command line: collections of records, views of
// them, and catalogued functions. Everything lies in src/features/ of a tool and in src/ of a library.
import { catalogued } from "../functions";
import { pascal, sentence } from "../names";
import type {
  ActionModule,
  Bug,
  Module,
  ResourceModule,
  SearchModule,
  SourceFile,
  SummaryModule,
} from "../project";
import { forSource } from "../text";
import { nodeFields } from "./base";

/** Where the behaviour lives (`src/features`), and the way from there to the shared modules (`../`). */
export interface NodePlace {
  features: string;
  shared: string;
}

export const NODE_CLI_PLACE: NodePlace = { features: "src/features", shared: "../" };
export const NODE_LIBRARY_PLACE: NodePlace = { features: "src", shared: "./" };

/** The module that holds what a task adds. */
export function nodeCore(module: Module, place: NodePlace): SourceFile[] {
  const path = `${place.features}/${module.name}.js`;
  switch (module.shape) {
    case "resource":
      return [{ path, content: collection(module, place), bugs: COLLECTION_BUGS }];
    case "search":
      return [{ path, content: search(module, place), bugs: searchBugs(module.resource.fields.length) }];
    case "summary":
      return [{ path, content: summary(module), bugs: SUMMARY_BUGS }];
    case "action":
      return [{ path, content: action(module, place), bugs: ACTION_BUGS }];
    case "function": {
      const { about, node, bug } = catalogued(module.id);
      const [imports = "", body = ""] = /^import /.test(node) ? node.split(/\n\n([\s\S]*)/) : ["", node];
      const lead = imports ? `${imports.replace("ERRORS", `${place.shared}errors.js`)}\n\n` : "";
      const content = `${lead}// ${about}\n\n${body}`;
      return [{ path, content, bugs: [{ right: bug.node[0], wrong: bug.node[1], why: bug.why }] }];
    }
    default:
      return [];
  }
}

const COLLECTION_BUGS: Bug[] = [
  {
    right: "(record) => record[name] === wanted",
    wrong: "(record) => record[name] !== wanted",
    why: "the filter kept the records that do not match instead of those that do",
  },
  {
    right: "    const checked = validate(values, FIELDS);\n",
    wrong: "    const checked = validate(values, FIELDS, { partial: true });\n",
    why: "adding a record checked only the fields that were given, so required ones could be left out",
  },
];
/** With one field only, "any" and "every" are the same. */
const searchBugs = (fields: number): Bug[] => [
  ...(fields > 1
    ? [
        {
          right: "Object.keys(FIELDS).some((",
          wrong: "Object.keys(FIELDS).every((",
          why: "a record was found only when every field held the text, not any of them",
        },
      ]
    : []),
  {
    right: "(down ? compare(b, a) : compare(a, b))",
    wrong: "compare(a, b)",
    why: "the descending order was ignored",
  },
];
const SUMMARY_BUGS: Bug[] = [
  {
    right: "count: records.length",
    wrong: "count: Object.keys(FIELDS).length",
    why: "the count was that of the fields, not of the records",
  },
];
const ACTION_BUGS: Bug[] = [
  {
    right: "if (record[MARK])",
    wrong: "if (record[MARK] === true)",
    why: "a step that was taken already could be taken again",
  },
];

function collection(resource: ResourceModule, { shared }: NodePlace): string {
  const uniques = resource.fields.filter((field) => field.unique).map((field) => field.name);
  const check = (own: string) => (uniques.length > 0 ? `    this.#checkUnique(checked, ${own});\n` : "");
  return `import { ${uniques.length > 0 ? "conflict, " : ""}notFound } from "${shared}errors.js";
import { Store } from "${shared}store.js";
import { validate } from "${shared}validation.js";

export const COLLECTION = "${resource.name}";

${nodeFields(resource.fields).replace("../", shared)}
/** ${sentence(forSource(resource.title, 60))}: records with ids, kept in the given store or in memory. */
export class ${pascal(resource.name)} {
  constructor(store = new Store()) {
    this.store = store;
  }

  /** Stores a new record and returns it; throws for wrong values. */
  add(values) {
    const checked = validate(values, FIELDS);
${check("null")}    return this.store.insert(COLLECTION, checked);
  }

  /** The record with this id; throws when there is none. */
  get(id) {
    const record = this.store.get(COLLECTION, id);
    if (!record) throw notFound(\`No record \${id} in \${COLLECTION}.\`);
    return record;
  }

  /** All records whose fields have the given values. */
  all(filters = {}) {
    let records = this.store.all(COLLECTION);
    for (const [name, wanted] of Object.entries(filters)) {
      records = records.filter((record) => record[name] === wanted);
    }
    return records;
  }

  /** Changes single fields of a record and returns it. */
  update(id, changes) {
    const record = this.get(id);
    const checked = validate(changes, FIELDS, { partial: true });
${check("record.id")}    return this.store.update(COLLECTION, record.id, checked);
  }

  /** Removes a record and returns what it was. */
  remove(id) {
    const record = this.get(id);
    this.store.delete(COLLECTION, record.id);
    return record;
  }
${
  uniques.length > 0
    ? `
  #checkUnique(values, ownId) {
    for (const name of [${uniques.map((name) => `"${name}"`).join(", ")}]) {
      const value = values[name] ?? null;
      const same = this.all().some((record) => record[name] === value && record.id !== ownId);
      if (value !== null && same) throw conflict(\`There is a record with this \${name} already.\`);
    }
  }
`
    : ""
}}
`;
}

function search(module: SearchModule, { shared }: NodePlace): string {
  return `import { invalid } from "${shared}errors.js";
import { FIELDS } from "./${module.resource.name}.js";

/** ${sentence(forSource(module.title, 60))}: records with the text in any field; "-" before a field turns the order round. */
export function search(collection, { text = "", sort = "id", limit = 20 } = {}) {
  const down = sort.startsWith("-");
  const name = down ? sort.slice(1) : sort;
  if (name !== "id" && !Object.hasOwn(FIELDS, name)) throw invalid({ sort: "is not a field" });
  const wanted = text.toLowerCase();
  const found = collection.all().filter((record) => contains(record, wanted));
  const compare = (a, b) => (a[name] < b[name] ? -1 : a[name] > b[name] ? 1 : 0);
  return found.sort((a, b) => (down ? compare(b, a) : compare(a, b))).slice(0, limit);
}

function contains(record, wanted) {
  return Object.keys(FIELDS).some((name) => String(record[name]).toLowerCase().includes(wanted));
}
`;
}

function summary(module: SummaryModule): string {
  return `import { FIELDS } from "./${module.resource.name}.js";

/** ${sentence(forSource(module.title, 60))}: the count, the sum of each number field, and how often each flag is set. */
export function summarise(collection) {
  const records = collection.all();
  const sums = {};
  const flags = {};
  for (const [name, { type }] of Object.entries(FIELDS)) {
    const values = records.map((record) => record[name]);
    if (type === "number" || type === "integer") sums[name] = values.reduce((sum, one) => sum + (one ?? 0), 0);
    if (type === "boolean") flags[name] = values.filter(Boolean).length;
  }
  return { count: records.length, sums, true: flags };
}
`;
}

function action(module: ActionModule, { shared }: NodePlace): string {
  return `import { conflict } from "${shared}errors.js";
import { COLLECTION } from "./${module.resource.name}.js";

// ${sentence(forSource(module.title, 60))}: one step in the life of a record.
const MARK = "${module.verb}_at";

/** Notes when the step was taken; a second time is a conflict. */
export function mark(collection, id) {
  const record = collection.get(id);
  if (record[MARK]) throw conflict("This was done already.");
  return collection.store.update(COLLECTION, record.id, { [MARK]: new Date().toISOString() });
}

/** Takes the step back. */
export function unmark(collection, id) {
  const record = collection.get(id);
  return collection.store.update(COLLECTION, record.id, { [MARK]: null });
}
`;
}
