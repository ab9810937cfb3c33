// Further features of a JavaScript resource: search and summary.
import { sentence } from "../names";
import type { Bug, SearchModule, SourceFile, SummaryModule } from "../project";
import { mainField, sampleValue } from "../samples";
import { forSource } from "../text";
import { nodeMaker } from "./http-resource";

const TEST_HEAD = `import assert from "node:assert/strict";
import { test } from "node:test";
import { startService } from "../support/client.js";

`;

/** The module of a search. */
export function nodeSearch(search: SearchModule): SourceFile {
  const content = `import { invalid } from "../errors.js";
import { COLLECTION, FIELDS } from "./${search.resource.name}.js";

// ${sentence(forSource(search.title, 40))}: finds records by text, in a chosen order, page by page.
const MAX_LIMIT = 100;

/** @param {import("../router.js").Router} router */
export function register(router) {
  router.add("GET", "${search.path}", search);
}

/** Query: q (text in any field), sort (a field, "-" before it turns it round), limit, offset. */
function search({ query, store }) {
  const wanted = (query.q ?? "").toLowerCase();
  const found = store.all(COLLECTION).filter((record) => contains(record, wanted));
  const sorted = inOrder(found, query.sort ?? "id");
  const start = number(query, "offset", 0);
  const limit = Math.min(number(query, "limit", 20), MAX_LIMIT);
  return { status: 200, body: { items: sorted.slice(start, start + limit), total: found.length } };
}

function contains(record, wanted) {
  return Object.keys(FIELDS).some((name) => String(record[name]).toLowerCase().includes(wanted));
}

function inOrder(records, sort) {
  const down = sort.startsWith("-");
  const name = down ? sort.slice(1) : sort;
  if (name !== "id" && !Object.hasOwn(FIELDS, name)) throw invalid({ sort: "is not a field" });
  const compare = (a, b) => (a[name] < b[name] ? -1 : a[name] > b[name] ? 1 : 0);
  // Records without a value come last in either direction.
  const present = records.filter((record) => record[name] !== null);
  const absent = records.filter((record) => record[name] === null);
  return [...present.sort((a, b) => (down ? compare(b, a) : compare(a, b))), ...absent];
}

function number(query, name, fallback) {
  const text = query[name] ?? String(fallback);
  if (!/^\\d+$/.test(text)) throw invalid({ [name]: "must be a whole number" });
  return Number(text);
}
`;
  const bugs: Bug[] = [
    {
      right: "Object.keys(FIELDS).some((name)",
      wrong: "Object.keys(FIELDS).every((name)",
      why: "a record was found only when every field held the text, not any of them",
    },
    {
      right: "(down ? compare(b, a) : compare(a, b))",
      wrong: "compare(a, b)",
      why: "the descending order was ignored",
    },
    {
      right: "sorted.slice(start, start + limit)",
      wrong: "sorted.slice(start, limit)",
      why: "the end of a page was not counted from its start",
    },
  ];
  return {
    path: `src/features/${search.name}.js`,
    content,
    bugs: search.resource.fields.length > 1 ? bugs : bugs.slice(1),
  };
}

/** Tests of a search over HTTP. */
export function nodeSearchTest(search: SearchModule): SourceFile {
  const { name, path, resource } = search;
  const main = mainField(resource);
  const text = main.type === "text" && !main.email;
  const content = `${TEST_HEAD}${nodeMaker(resource)}
async function startSearch(t) {
  const { call, create } = await start(t);
  const ids = [];
  for (const number of [1, 2, 3]) ids.push((await create(number)).id);
  const found = async (query) => {
    const { status, body } = await call("GET", \`${path}\${query}\`);
    assert.equal(status, 200);
    return { ids: body.items.map((item) => item.id), total: body.total };
  };
  return { call, ids, found };
}

test("${name}: everything", async (t) => {
  const { ids, found } = await startSearch(t);
  assert.deepEqual(await found(""), { ids, total: 3 });
});

test("${name}: text", async (t) => {
  const { ids, found } = await startSearch(t);
  assert.deepEqual(await found("?q=${text ? `${main.name}%202` : ""}"), { ids${text ? ": ids.slice(1, 2), total: 1" : ", total: 3"} });
  assert.deepEqual(await found("?q=nothing-like-this"), { ids: [], total: 0 });
});

test("${name}: order", async (t) => {
  const { ids, found } = await startSearch(t);
  assert.deepEqual((await found("?sort=-id")).ids, ids.toReversed());
  assert.deepEqual((await found("?sort=${main.name}")).ids, ids);
});

test("${name}: pages", async (t) => {
  const { ids, found } = await startSearch(t);
  assert.deepEqual(await found("?limit=1&offset=1"), { ids: ids.slice(1, 2), total: 3 });
  assert.deepEqual(await found("?offset=5"), { ids: [], total: 3 });
});

test("${name}: bad parameters are refused", async (t) => {
  const { call } = await startSearch(t);
  for (const query of ["?sort=nonsense", "?limit=many", "?offset=-1"]) {
    const { status, body } = await call("GET", \`${path}\${query}\`);
    assert.equal(status, 422);
    assert.equal(body.error.code, "invalid");
  }
});
`;
  return { path: `test/${name}.test.js`, content };
}

/** The module of a summary. */
export function nodeSummary(summary: SummaryModule): SourceFile {
  const content = `import { COLLECTION, FIELDS } from "./${summary.resource.name}.js";

// ${sentence(forSource(summary.title, 40))}: counts records and sums up their numbers.

/** @param {import("../router.js").Router} router */
export function register(router) {
  router.add("GET", "${summary.path}", summarise);
}

function summarise({ store }) {
  const records = store.all(COLLECTION);
  const values = (name) => records.map((record) => record[name]);
  const numbers = {};
  const flags = {};
  for (const [name, { type }] of Object.entries(FIELDS)) {
    if (type === "number" || type === "integer") numbers[name] = figures(values(name));
    if (type === "boolean") flags[name] = values(name).filter(Boolean).length;
  }
  return { status: 200, body: { count: records.length, numbers, true: flags } };
}

/** Sum, average, least and greatest of the values that are there. */
function figures(all) {
  const values = all.filter((value) => value !== null);
  if (values.length === 0) return { sum: 0, average: null, least: null, greatest: null };
  const sum = values.reduce((total, value) => total + value, 0);
  const round = (number) => Math.round(number * 100) / 100;
  return {
    sum: round(sum),
    average: round(sum / values.length),
    least: Math.min(...values),
    greatest: Math.max(...values),
  };
}
`;
  const bugs: Bug[] = [
    {
      right: "count: records.length",
      wrong: "count: Object.keys(FIELDS).length",
      why: "the count was that of the fields, not of the records",
    },
  ];
  return { path: `src/features/${summary.name}.js`, content, bugs };
}

/** Tests of a summary over HTTP. */
export function nodeSummaryTest(summary: SummaryModule): SourceFile {
  const { name, path, resource } = summary;
  const number = resource.fields.find(
    (field) => (field.type === "number" || field.type === "integer") && !field.parent,
  );
  const value = number ? Number(sampleValue(number)) : 0;
  const figures = number
    ? `
test("${name}: figures", async (t) => {
  const { call, create } = await start(t);
  await create(1);
  await create(2);
  const { body } = await call("GET", "${path}");
  const expected = { sum: ${value * 2}, average: ${value}, least: ${value}, greatest: ${value} };
  assert.deepEqual(body.numbers.${number.name}, expected);
});
`
    : "";
  const content = `${TEST_HEAD}${nodeMaker(resource)}
test("${name}: nothing yet", async (t) => {
  const { call } = await start(t);
  const { status, body } = await call("GET", "${path}");
  assert.equal(status, 200);
  assert.equal(body.count, 0);
});

test("${name}: count", async (t) => {
  const { call, create } = await start(t);
  await create(1);
  await create(2);
  assert.equal((await call("GET", "${path}")).body.count, 2);
});
${figures}`;
  return { path: `test/${name}.test.js`, content };
}
