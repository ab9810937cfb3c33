// Tests of a JavaScript library: they call what it offers.
import { catalogued } from "../functions";
import { camel, pascal } from "../names";
import type { Module, ResourceModule, SourceFile } from "../project";
import { mainField, sampleRecord, wrongValue } from "../samples";
import { nodeLiteral } from "./base";

const HEAD = `import assert from "node:assert/strict";\nimport { test } from "node:test";\n`;

/** Tests of what a task added to a library. */
export function nodeCoreTest(module: Module): SourceFile[] {
  const text = coreTest(module);
  return text ? [{ path: `test/${module.name}.test.js`, content: HEAD + text }] : [];
}

/** Constants of example records, one field a line. */
function records(resource: ResourceModule, count: number): string {
  return ["FIRST", "SECOND"]
    .slice(0, count)
    .map((name, index) => {
      const rows = Object.entries(sampleRecord(resource, index + 1)).map(
        ([key, value]) => `  ${key}: ${nodeLiteral(value)},\n`,
      );
      return `const ${name} = {\n${rows.join("")}};\n`;
    })
    .join("");
}

function coreTest(module: Module): string | null {
  const { name } = module;
  switch (module.shape) {
    case "resource":
      return collectionTest(module);
    case "search": {
      const type = pascal(module.resource.name);
      const main = mainField(module.resource);
      const term = main.type === "text" && !main.email ? `${main.name} 2` : null;
      return `import { ${type} } from "../src/${module.resource.name}.js";
import { search } from "../src/${name}.js";

${records(module.resource, 2)}
test("${name}: text, order and limit", () => {
  const collection = new ${type}();
  const first = collection.add(FIRST);
  const second = collection.add(SECOND);
  assert.deepEqual(search(collection, { text: "${term ?? ""}" }), ${term ? "[second]" : "[first, second]"});
  assert.deepEqual(search(collection, { text: "nothing like this" }), []);
  assert.deepEqual(search(collection, { sort: "-id" }), [second, first]);
  assert.deepEqual(search(collection, { limit: 1 }), [first]);
});

test("${name}: an unknown field is refused", () => {
  assert.throws(() => search(new ${type}(), { sort: "nonsense" }), { code: "invalid" });
});
`;
    }
    case "summary": {
      const type = pascal(module.resource.name);
      return `import { ${type} } from "../src/${module.resource.name}.js";
import { summarise } from "../src/${name}.js";

${records(module.resource, 2)}
test("${name}: counts", () => {
  const collection = new ${type}();
  assert.equal(summarise(collection).count, 0);
  collection.add(FIRST);
  collection.add(SECOND);
  assert.equal(summarise(collection).count, 2);
});
`;
    }
    case "action": {
      const type = pascal(module.resource.name);
      return `import { mark, unmark } from "../src/${name}.js";
import { ${type} } from "../src/${module.resource.name}.js";

${records(module.resource, 1)}
test("${name}: the step is noted once and can be taken back", () => {
  const collection = new ${type}();
  const { id } = collection.add(FIRST);
  assert.ok(mark(collection, id).${module.verb}_at);
  assert.throws(() => mark(collection, id), { code: "conflict" });
  assert.equal(unmark(collection, id).${module.verb}_at, null);
});

test("${name}: an unknown record is refused", () => {
  assert.throws(() => mark(new ${type}(), 999), { code: "not_found" });
});
`;
    }
    case "function": {
      const { id, examples } = catalogued(module.id);
      const own = camel(id);
      const call = (args: unknown[]) => `${own}(${args.map(nodeLiteral).join(", ")})`;
      const good = examples.filter((example) => "result" in example);
      const bad = examples.filter((example) => !("result" in example));
      return `import { ${own} } from "../src/${name}.js";

test("${name}: results", () => {
${good.map(({ args, result }) => `  assert.deepEqual(${call(args)}, ${nodeLiteral(result)});\n`).join("")}});
${
  bad.length > 0
    ? `
test("${name}: wrong input is refused", () => {
${bad.map(({ args }) => `  assert.throws(() => ${call(args)}, { code: "invalid" });\n`).join("")}});
`
    : ""
}`;
    }
    default:
      return null;
  }
}

function collectionTest(resource: ResourceModule): string {
  const { name } = resource;
  const main = mainField(resource);
  const type = pascal(name);
  const required = resource.fields.find((field) => field.required);
  const unique = resource.fields.find((field) => field.unique);
  const changed =
    main.type === "text"
      ? main.email
        ? '"changed@example.com"'
        : '"changed"'
      : nodeLiteral(sampleRecord(resource, 3)[main.name]);
  return `import { ${type} } from "../src/${name}.js";

${records(resource, 2)}
test("${name}: add and get", () => {
  const collection = new ${type}();
  const added = collection.add(FIRST);
  assert.deepEqual(added, { id: added.id, ...FIRST });
  assert.deepEqual(collection.get(added.id), added);
});

test("${name}: all and filter", () => {
  const collection = new ${type}();
  const first = collection.add(FIRST);
  const second = collection.add(SECOND);
  assert.deepEqual(collection.all(), [first, second]);
  assert.deepEqual(collection.all({ id: second.id }), [second]);
});

test("${name}: update and remove", () => {
  const collection = new ${type}();
  const added = collection.add(FIRST);
  const change = { ${main.name}: ${changed} };
  assert.deepEqual(collection.update(added.id, change), { ...added, ...change });
  collection.remove(added.id);
  assert.deepEqual(collection.all(), []);
});

test("${name}: an unknown record is refused", () => {
  const collection = new ${type}();
  assert.throws(() => collection.get(999), { code: "not_found" });
  assert.throws(() => collection.remove(999), { code: "not_found" });
});

test("${name}: wrong values are refused", () => {
  const collection = new ${type}();
  assert.throws(() => collection.add({ ...FIRST, ${main.name}: ${nodeLiteral(wrongValue(main))} }), { code: "invalid" });
  assert.throws(() => collection.add({ ...FIRST, nonsense: 1 }), { code: "invalid" });
${required ? `  const incomplete = Object.fromEntries(Object.entries(FIRST).filter(([name]) => name !== "${required.name}"));\n  assert.throws(() => collection.add(incomplete), { code: "invalid" });\n` : ""}});
${
  unique
    ? `
test("${name}: ${unique.name} is unique", () => {
  const collection = new ${type}();
  collection.add(FIRST);
  assert.throws(() => collection.add(FIRST), { code: "conflict" });
});
`
    : ""
}`;
}
