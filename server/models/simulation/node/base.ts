// JavaScript modules shared by services, command line tools and libraries: errors, validation and storage.
import type { FieldSpec, SourceFile } from "../project";

const ERRORS = `/** A mistake of a caller; \`code\` says what kind it is, \`details\` names the fields that are wrong. */
export class AppError extends Error {
  /**
   * @param {string} code
   * @param {string} message
   * @param {Record<string, string>} [details]
   */
  constructor(code, message, details = {}) {
    super(message);
    this.name = "AppError";
    this.code = code;
    this.details = details;
  }
}

/** @param {Record<string, string>} details */
export const invalid = (details) => new AppError("invalid", "Some fields are not valid.", details);

/** @param {string} message */
export const notFound = (message) => new AppError("not_found", message);

/**
 * @param {string} message
 * @param {Record<string, string>} [details]
 */
export const conflict = (message, details) => new AppError("conflict", message, details);
`;

const VALIDATION = `import { invalid } from "./errors.js";

const EMAIL = /^[^@\\s]+@[^@\\s]+\\.[^@\\s]+$/;
const TYPES = {
  text: [(value) => typeof value === "string", "must be text"],
  number: [(value) => Number.isFinite(value), "must be a number"],
  integer: [(value) => Number.isInteger(value), "must be an integer"],
  boolean: [(value) => typeof value === "boolean", "must be true or false"],
};

/**
 * @typedef {object} Field
 * @property {"text" | "number" | "integer" | "boolean"} type
 * @property {boolean} [required]
 * @property {number} [minimum]
 * @property {boolean} [email]
 */

/**
 * Returns a record with the declared fields. With \`partial\` only the given fields are checked and
 * returned. Throws an AppError "invalid" that names every wrong field.
 * @param {Record<string, unknown>} payload
 * @param {Record<string, Field>} fields
 * @param {{ partial?: boolean }} [options]
 */
export function validate(payload, fields, { partial = false } = {}) {
  /** @type {Record<string, string>} */
  const problems = {};
  /** @type {Record<string, any>} */
  const values = {};
  for (const name of Object.keys(payload)) {
    if (!Object.hasOwn(fields, name) && name !== "id") problems[name] = "is not known";
  }
  for (const [name, field] of Object.entries(fields)) {
    if (partial && !Object.hasOwn(payload, name)) continue;
    const value = payload[name] ?? null;
    const problem = check(value, field);
    if (problem) problems[name] = problem;
    values[name] = typeof value === "string" ? value.trim() : value;
    if (value === null && field.type === "boolean") values[name] = false;
  }
  if (Object.keys(problems).length > 0) throw invalid(problems);
  return values;
}

/** Says what is wrong with a value, or returns null. */
function check(value, field) {
  if (value === null || (typeof value === "string" && value.trim() === "")) {
    return field.required ? "is required" : null;
  }
  const [fits, complaint] = TYPES[field.type];
  if (!fits(value)) return complaint;
  if (field.minimum !== undefined && value < field.minimum) return \`must be at least \${field.minimum}\`;
  if (field.email && !EMAIL.test(value)) return "must be an e-mail address";
  return null;
}
`;

const STORE = `import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";

/** Named collections of records with increasing ids, in memory or kept in a JSON file. */
export class Store {
  #path;
  #collections = {};

  /** @param {string | null} [path] file that keeps the records between starts */
  constructor(path = null) {
    this.#path = path;
    if (path && existsSync(path)) this.#collections = JSON.parse(readFileSync(path, "utf8"));
  }

  /** @param {string} collection */
  all(collection) {
    return copyOf(this.#collection(collection).records);
  }

  /** The record with this id (a number or its text), or null. */
  get(collection, id) {
    return copyOf(this.#find(collection, id) ?? null);
  }

  insert(collection, values) {
    const content = this.#collection(collection);
    const record = { id: content.nextId, ...values };
    content.nextId += 1;
    content.records.push(record);
    this.#save();
    return copyOf(record);
  }

  update(collection, id, changes) {
    const record = Object.assign(this.#find(collection, id), changes);
    this.#save();
    return copyOf(record);
  }

  delete(collection, id) {
    const { records } = this.#collection(collection);
    records.splice(records.indexOf(this.#find(collection, id)), 1);
    this.#save();
  }

  #collection(name) {
    this.#collections[name] ??= { nextId: 1, records: [] };
    return this.#collections[name];
  }

  #find(collection, id) {
    return this.#collection(collection).records.find((record) => String(record.id) === String(id));
  }

  #save() {
    if (!this.#path) return;
    const draft = \`\${this.#path}.tmp\`;
    writeFileSync(draft, JSON.stringify(this.#collections, null, 2));
    renameSync(draft, this.#path);
  }
}

/** A copy, so that callers cannot change what is stored. */
function copyOf(value) {
  return JSON.parse(JSON.stringify(value));
}
`;

/** Modules that every JavaScript project starts with. */
export const NODE_BASE: SourceFile[] = [
  { path: "src/errors.js", content: ERRORS },
  { path: "src/validation.js", content: VALIDATION },
  { path: "src/store.js", content: STORE },
];

/** package.json of a project. */
export function packageJson(name: string, entries: Record<string, unknown>): string {
  const content = {
    name,
    version: "0.1.0",
    private: true,
    type: "module",
    engines: { node: ">=20" },
    ...entries,
  };
  return `${JSON.stringify(content, null, 2)}\n`;
}

/** The \`FIELDS\` table of a record. */
export function nodeFields(fields: readonly FieldSpec[]): string {
  const rows = fields.map((field) => {
    const options = [
      `type: "${field.type}"`,
      ...(field.required ? ["required: true"] : []),
      ...(field.minimum === undefined ? [] : [`minimum: ${field.minimum}`]),
      ...(field.email ? ["email: true"] : []),
    ];
    return `  ${field.name}: { ${options.join(", ")} },\n`;
  });
  return `/** @type {Record<string, import("../validation.js").Field>} */\nexport const FIELDS = {\n${rows.join("")}};\n`;
}

/** A JSON value as a JavaScript literal on one line. */
export function nodeLiteral(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(nodeLiteral).join(", ")}]`;
  if (typeof value === "object" && value !== null) {
    const rows = Object.entries(value).map(([key, item]) => `${key}: ${nodeLiteral(item)}`);
    return `{ ${rows.join(", ")} }`;
  }
  return JSON.stringify(value);
}
