// A resource of a JavaScript service: records that can be listed, created, read, changed and removed.
import { sentence } from "../names";
import type { Bug, ResourceModule, SourceFile } from "../project";
import { mainField, sampleRecord, sampleValue, wrongValue } from "../samples";
import { forSource } from "../text";
import { nodeFields, nodeLiteral } from "./base";

const BUGS: Bug[] = [
  {
    right: "String(record[name]).toLowerCase() === wanted",
    wrong: "String(record[name]).toLowerCase() !== wanted",
    why: "the list filter kept the records that do not match instead of those that do",
  },
  {
    right: "  const values = validate(body, FIELDS);\n",
    wrong: "  const values = validate(body, FIELDS, { partial: true });\n",
    why: "creating a record checked only the fields that were sent, so required ones could be left out",
  },
  {
    right: "  store.delete(COLLECTION, record.id);\n",
    wrong: "  store.update(COLLECTION, record.id, {});\n",
    why: "deleting answered with success but left the record in the store",
  },
];

/** The module of a resource. */
export function nodeResource(resource: ResourceModule): SourceFile {
  const uniques = resource.fields.filter((field) => field.unique).map((field) => field.name);
  const references = resource.fields.filter((field) => field.parent);
  const checks = uniques.length > 0 || references.length > 0;
  const errors = [
    ...(uniques.length > 0 ? ["conflict"] : []),
    ...(references.length > 0 ? ["invalid"] : []),
    "notFound",
  ];
  const checking = (values: string, own = "") =>
    checks ? `  checkRelations(store, ${values}${uniques.length > 0 ? own : ""});\n` : "";
  const content = `import { ${errors.join(", ")} } from "../errors.js";
import { validate } from "../validation.js";

// ${sentence(forSource(resource.title, 40))}: list, create, read, update and delete.
export const COLLECTION = "${resource.name}";

${nodeFields(resource.fields)}
/** @param {import("../router.js").Router} router */
export function register(router) {
  router.add("GET", "${resource.path}", listAll);
  router.add("POST", "${resource.path}", create);
  router.add("GET", "${resource.path}/:id", read);
  router.add("PUT", "${resource.path}/:id", replace);
  router.add("PATCH", "${resource.path}/:id", update);
  router.add("DELETE", "${resource.path}/:id", remove);
}

/** All records; every field can be given in the query as a filter. */
function listAll({ query, store }) {
  let items = store.all(COLLECTION);
  for (const name of Object.keys(FIELDS).filter((field) => Object.hasOwn(query, field))) {
    const wanted = query[name].toLowerCase();
    items = items.filter((record) => String(record[name]).toLowerCase() === wanted);
  }
  return { status: 200, body: { items, total: items.length } };
}

function create({ body, store }) {
  const values = validate(body, FIELDS);
${checking("values")}  return { status: 201, body: store.insert(COLLECTION, values) };
}

function read({ params, store }) {
  return { status: 200, body: find(store, params.id) };
}

function replace({ params, body, store }) {
  const record = find(store, params.id);
  const changed = validate(body, FIELDS);
${checking("changed", ", record.id")}  return { status: 200, body: store.update(COLLECTION, record.id, changed) };
}

function update({ params, body, store }) {
  const record = find(store, params.id);
  const changes = validate(body, FIELDS, { partial: true });
${checking("changes", ", record.id")}  return { status: 200, body: store.update(COLLECTION, record.id, changes) };
}

function remove({ params, store }) {
  const record = find(store, params.id);
  store.delete(COLLECTION, record.id);
  return { status: 204 };
}

/** The record with this id; throws when there is none. */
export function find(store, id) {
  const record = store.get(COLLECTION, id);
  if (!record) throw notFound(\`No record \${id} in \${COLLECTION}.\`);
  return record;
}
${checks ? `\n${relations(uniques, references)}` : ""}`;
  return { path: `src/features/${resource.name}.js`, content, bugs: BUGS };
}

function relations(uniques: string[], references: ResourceModule["fields"]): string {
  const parts = [
    `/** Refuses what contradicts other records. */\nfunction checkRelations(store, values${uniques.length > 0 ? ", ownId" : ""}) {\n`,
  ];
  for (const field of references) {
    parts.push(`  if (Object.hasOwn(values, "${field.name}") && !store.get("${field.refersTo}", values.${field.name})) {
    throw invalid({ ${field.name}: "names no record" });
  }\n`);
  }
  if (uniques.length > 0) {
    parts.push(`  for (const name of [${uniques.map((name) => `"${name}"`).join(", ")}]) {
    const value = values[name] ?? null;
    const same = store.all(COLLECTION).find((record) => record[name] === value && record.id !== ownId);
    if (value !== null && same) {
      throw conflict(\`There is a record with this \${name} already.\`, { [name]: "is taken" });
    }
  }\n`);
  }
  return `${parts.join("")}}\n`;
}

/** JavaScript lines that create the records a resource refers to as local constants, deepest first. */
function parentLines(resource: ResourceModule, done = new Set<string>()): string {
  let lines = "";
  for (const { name, parent } of resource.fields) {
    if (!parent || done.has(name)) continue;
    lines += parentLines(parent, done);
    done.add(name);
    const fields = [
      nodeLiteral(sampleRecord(parent)).slice(2, -2),
      ...parent.fields.filter((field) => field.parent).map((field) => field.name),
    ];
    lines += `  const { id: ${name} } = (\n    await service.call("POST", "${parent.path}", {\n      ${fields.join(",\n      ")},\n    })\n  ).body;\n`;
  }
  return lines;
}

/** A function \`start\` for tests: the service, and makers of records. */
export function nodeMaker(resource: ResourceModule): string {
  const rows = resource.fields.map((field) => {
    if (field.parent) return `    ${field.name},\n`;
    if (field.type !== "text") return `    ${field.name}: ${nodeLiteral(sampleValue(field))},\n`;
    return `    ${field.name}: \`${field.email ? `person\${number}@example.com` : `${field.name} \${number}`}\`,\n`;
  });
  const numbered = resource.fields.some((field) => !field.parent && field.type === "text");
  return `async function start(t) {
  const service = await startService(t);
${parentLines(resource)}  const record = (${numbered ? "number = 1" : ""}) => ({
${rows.join("")}  });
  const create = async (${numbered ? "number" : ""}) => {
    const { status, body } = await service.call("POST", "${resource.path}", record(${numbered ? "number" : ""}));
    assert.equal(status, 201);
    return body;
  };
  return { ...service, record, create };
}
`;
}

/** Tests of a resource over HTTP. */
export function nodeResourceTest(resource: ResourceModule): SourceFile {
  const main = mainField(resource);
  const required = resource.fields.find((field) => field.required);
  const unique = resource.fields.find((field) => field.unique);
  const reference = resource.fields.find((field) => field.parent);
  const { path, name } = resource;
  const text = main.type === "text";
  const other = text
    ? main.email
      ? "person2%40example.com"
      : `${main.name}%202`
    : String(sampleValue(main));
  const changed = text
    ? main.email
      ? '"changed@example.com"'
      : '"changed"'
    : nodeLiteral(sampleValue(main, 3));
  const content = `import assert from "node:assert/strict";
import { test } from "node:test";
import { startService } from "../support/client.js";

${nodeMaker(resource)}
test("${name}: create and read", async (t) => {
  const { call, create } = await start(t);
  const created = await create(1);
  assert.deepEqual(await call("GET", \`${path}/\${created.id}\`), { status: 200, body: created });
});

test("${name}: list and filter", async (t) => {
  const { call, create } = await start(t);
  const first = await create(1);
  const second = await create(2);
  const all = await call("GET", "${path}");
  assert.deepEqual(all, { status: 200, body: { items: [first, second], total: 2 } });
  const some = await call("GET", "${path}?${main.name}=${other}");
  assert.deepEqual(some.body, { items: ${text ? "[second], total: 1" : "[first, second], total: 2"} });
});

test("${name}: update", async (t) => {
  const { call, create, record } = await start(t);
  const created = await create(1);
  const change = { ${main.name}: ${changed} };
  const patched = await call("PATCH", \`${path}/\${created.id}\`, change);
  assert.deepEqual(patched, { status: 200, body: { ...created, ...change } });
  const replaced = await call("PUT", \`${path}/\${created.id}\`, record(3));
  assert.equal(replaced.status, 200);
  assert.deepEqual(await call("GET", \`${path}/\${created.id}\`), replaced);
});

test("${name}: delete", async (t) => {
  const { call, create } = await start(t);
  const created = await create(1);
  assert.deepEqual(await call("DELETE", \`${path}/\${created.id}\`), { status: 204, body: null });
  assert.equal((await call("GET", \`${path}/\${created.id}\`)).status, 404);
  assert.equal((await call("GET", "${path}")).body.total, 0);
});

test("${name}: an unknown record is not found", async (t) => {
  const { call } = await start(t);
  for (const method of ["GET", "PUT", "PATCH", "DELETE"]) {
    const { status, body } = await call(method, "${path}/999", {});
    assert.equal(status, 404);
    assert.equal(body.error.code, "not_found");
  }
});
${
  required
    ? `
test("${name}: ${required.name} is required", async (t) => {
  const { call, record } = await start(t);
  const { status, body } = await call("POST", "${path}", { ...record(), ${required.name}: undefined });
  assert.equal(status, 422);
  assert.deepEqual(Object.keys(body.error.details), ["${required.name}"]);
});
`
    : ""
}
test("${name}: a wrong type is refused", async (t) => {
  const { call, record } = await start(t);
  const wrong = { ...record(), ${main.name}: ${nodeLiteral(wrongValue(main))} };
  const { status, body } = await call("POST", "${path}", wrong);
  assert.equal(status, 422);
  assert.deepEqual(Object.keys(body.error.details), ["${main.name}"]);
});

test("${name}: a field that is not known is refused", async (t) => {
  const { call, record } = await start(t);
  const { status, body } = await call("POST", "${path}", { ...record(), nonsense: 1 });
  assert.equal(status, 422);
  assert.deepEqual(Object.keys(body.error.details), ["nonsense"]);
});
${
  unique
    ? `
test("${name}: ${unique.name} is unique", async (t) => {
  const { call, record } = await start(t);
  assert.equal((await call("POST", "${path}", record())).status, 201);
  assert.equal((await call("POST", "${path}", record())).status, 409);
});
`
    : ""
}${
  reference
    ? `
test("${name}: ${reference.name} must exist", async (t) => {
  const { call, record } = await start(t);
  const { status, body } = await call("POST", "${path}", { ...record(), ${reference.name}: 999 });
  assert.equal(status, 422);
  assert.deepEqual(Object.keys(body.error.details), ["${reference.name}"]);
});
`
    : ""
}`;
  return { path: `test/${name}.test.js`, content };
}
