// Named steps in the life of a record of a JavaScript service, and entries that belong to it.
import { sentence } from "../names";
import type { ActionModule, Bug, SourceFile } from "../project";
import { forSource } from "../text";
import { nodeMaker } from "./http-resource";

const TEST_HEAD = `import assert from "node:assert/strict";
import { test } from "node:test";
import { startService } from "../support/client.js";

`;

/** The module of a named step (POST, PUT, PATCH), of its withdrawal (DELETE), or of entries below a record (GET). */
export function nodeAction(action: ActionModule): SourceFile {
  const { method, path, verb, resource } = action;
  const file = `src/features/${action.name}.js`;
  if (method === "GET") {
    const content = `import { validate } from "../validation.js";
import { find } from "./${resource.name}.js";

// ${sentence(forSource(action.title, 40))}: entries that belong to one record.
const COLLECTION = "${action.name}";
/** @type {Record<string, import("../validation.js").Field>} */
const FIELDS = { text: { type: "text", required: true } };

/** @param {import("../router.js").Router} router */
export function register(router) {
  router.add("GET", "${path}", listEntries);
  router.add("POST", "${path}", addEntry);
}

function listEntries({ params, store }) {
  const owner = find(store, params.id);
  const items = store.all(COLLECTION).filter((entry) => entry.owner_id === owner.id);
  return { status: 200, body: { items, total: items.length } };
}

function addEntry({ params, body, store }) {
  const owner = find(store, params.id);
  const values = validate(body, FIELDS);
  return { status: 201, body: store.insert(COLLECTION, { owner_id: owner.id, ...values }) };
}
`;
    const right = "entry.owner_id === owner.id";
    return {
      path: file,
      content,
      bugs: [
        { right, wrong: "entry.owner_id >= owner.id", why: "entries of later records were listed as well" },
      ],
    };
  }
  const content = `import { conflict } from "../errors.js";
import { COLLECTION, find } from "./${resource.name}.js";

// ${sentence(forSource(action.title, 40))}: one step in the life of a record.
const MARK = "${verb}_at";

/** @param {import("../router.js").Router} router */
export function register(router) {
  router.add("${method === "DELETE" ? "POST" : method}", "${path}", mark);
  router.add("DELETE", "${path}", unmark);
}

/** Notes when the step was taken; a second time is a conflict. */
function mark({ params, store }) {
  const record = find(store, params.id);
  if (record[MARK]) throw conflict("This was done already.");
  return { status: 200, body: store.update(COLLECTION, record.id, { [MARK]: new Date().toISOString() }) };
}

function unmark({ params, store }) {
  const record = find(store, params.id);
  return { status: 200, body: store.update(COLLECTION, record.id, { [MARK]: null }) };
}
`;
  const bugs: Bug[] = [
    {
      right: "if (record[MARK])",
      wrong: "if (record[MARK] === true)",
      why: "a step that was taken already could be taken again",
    },
    { right: "{ [MARK]: null })", wrong: "{})", why: "taking the step back left its mark in place" },
  ];
  return { path: file, content, bugs };
}

/** Tests of an action over HTTP. */
export function nodeActionTest(action: ActionModule): SourceFile {
  const { method, verb, resource, name } = action;
  const [before = "", after = ""] = action.path.replace(/:id\d+/g, "1").split(":id");
  const head = `${TEST_HEAD}${nodeMaker(resource)}
const address = (id) => \`${before}\${id}${after}\`;
`;
  const verbMethod = method === "DELETE" ? "POST" : method;
  const body =
    method === "GET"
      ? `
test("${name}: entries belong to their record", async (t) => {
  const { call, create } = await start(t);
  const first = await create(1);
  const second = await create(2);
  for (const owner of [first, second]) {
    const { status, body } = await call("POST", address(owner.id), { text: "hello" });
    assert.equal(status, 201);
    assert.equal(body.owner_id, owner.id);
  }
  const { body } = await call("GET", address(first.id));
  assert.deepEqual(body.items.map((item) => item.owner_id), [first.id]);
});

test("${name}: the text is required", async (t) => {
  const { call, create } = await start(t);
  const { status, body } = await call("POST", address((await create(1)).id), {});
  assert.equal(status, 422);
  assert.deepEqual(Object.keys(body.error.details), ["text"]);
});

test("${name}: an unknown record is not found", async (t) => {
  const { call } = await start(t);
  assert.equal((await call("GET", address(999))).status, 404);
});
`
      : `
test("${name}: the step is noted once", async (t) => {
  const { call, create } = await start(t);
  const { id } = await create(1);
  const { status, body } = await call("${verbMethod}", address(id), {});
  assert.equal(status, 200);
  assert.ok(body.${verb}_at);
  assert.equal((await call("${verbMethod}", address(id), {})).status, 409);
});

test("${name}: the step can be taken back", async (t) => {
  const { call, create } = await start(t);
  const { id } = await create(1);
  await call("${verbMethod}", address(id), {});
  assert.equal((await call("DELETE", address(id))).body.${verb}_at, null);
  assert.equal((await call("${verbMethod}", address(id), {})).status, 200);
});

test("${name}: an unknown record is not found", async (t) => {
  const { call } = await start(t);
  for (const method of ["${verbMethod}", "DELETE"]) {
    assert.equal((await call(method, address(999), {})).status, 404);
  }
});
`;
  return { path: `test/${name}.test.js`, content: head + body };
}
