// A resource of a Python service: records that can be listed, created, read, changed and removed.
import { sentence } from "../names";
import type { Bug, ResourceModule, SourceFile } from "../project";
import { mainField, sampleRecord, sampleValue, wrongValue } from "../samples";
import { forSource } from "../text";
import { pythonConstant, pythonFields, pythonImport, pythonLiteral } from "./base";

const BUGS: Bug[] = [
  {
    right: "if str(record[name]).casefold() == wanted",
    wrong: "if str(record[name]).casefold() != wanted",
    why: "the list filter kept the records that do not match instead of those that do",
  },
  {
    right: "    values = validate(request.body, FIELDS)\n",
    wrong: "    values = validate(request.body, FIELDS, partial=True)\n",
    why: "creating a record checked only the fields that were sent, so required ones could be left out",
  },
  {
    right: '    request.store.delete(COLLECTION, record["id"])\n',
    wrong: '    request.store.update(COLLECTION, record["id"], {})\n',
    why: "deleting answered with success but left the record in the store",
  },
];

/** The module of a resource. */
export function pythonResource(resource: ResourceModule): SourceFile {
  const uniques = resource.fields.filter((field) => field.unique).map((field) => field.name);
  const references = resource.fields.filter((field) => field.parent);
  const checks = uniques.length > 0 || references.length > 0;
  const errors = [
    "NotFound",
    ...(uniques.length > 0 ? ["Conflict"] : []),
    ...(references.length > 0 ? ["Invalid"] : []),
  ];
  const checking = (extra: string) => (checks ? `    check_relations(request.store, ${extra})\n` : "");
  const content = `"""${sentence(forSource(resource.title, 40))}: list, create, read, update and delete."""

${pythonImport("app.errors", errors)}
from app.validation import Field, validate

${pythonConstant("PATH", resource.path)}COLLECTION = "${resource.name}"
${pythonFields(resource.fields)}

def register(router):
    router.add("GET", PATH, list_all)
    router.add("POST", PATH, create)
    router.add("GET", f"{PATH}/:id", read)
    router.add("PUT", f"{PATH}/:id", replace)
    router.add("PATCH", f"{PATH}/:id", update)
    router.add("DELETE", f"{PATH}/:id", delete)


def list_all(request):
    """All records; every field can be given in the query as a filter."""
    records = request.store.all(COLLECTION)
    for name in FIELDS.keys() & request.query.keys():
        wanted = request.query[name].casefold()
        records = [record for record in records if str(record[name]).casefold() == wanted]
    return 200, {"items": records, "total": len(records)}


def create(request):
    values = validate(request.body, FIELDS)
${checking("values")}    return 201, request.store.insert(COLLECTION, values)


def read(request):
    return 200, find(request.store, request.params["id"])


def replace(request):
    record = find(request.store, request.params["id"])
    values = validate(request.body, FIELDS)
${checking('values, record["id"]')}    return 200, request.store.update(COLLECTION, record["id"], values)


def update(request):
    record = find(request.store, request.params["id"])
    changes = validate(request.body, FIELDS, partial=True)
${checking('changes, record["id"]')}    return 200, request.store.update(COLLECTION, record["id"], changes)


def delete(request):
    record = find(request.store, request.params["id"])
    request.store.delete(COLLECTION, record["id"])
    return 204, None


def find(store, key):
    """Return the record or raise NotFound."""
    record = store.get(COLLECTION, key)
    if record is None:
        raise NotFound(f"No record {key} in {COLLECTION}.")
    return record
${checks ? `\n\n${relations(uniques, references)}` : ""}`;
  // The first "validate(request.body, FIELDS)" is the one of create.
  return { path: `app/features/${resource.name}.py`, content, bugs: BUGS };
}

function relations(uniques: string[], references: ResourceModule["fields"]): string {
  const parts = [
    `def check_relations(store, values, own_id=None):\n    """Refuse what contradicts other records."""\n`,
  ];
  for (const field of references) {
    parts.push(`    if "${field.name}" in values and store.get("${field.refersTo}", values["${field.name}"]) is None:
        raise Invalid("Some fields are not valid.", {"${field.name}": "names no record"})\n`);
  }
  if (uniques.length > 0) {
    parts.push(`    for name in (${uniques.map((name) => `"${name}"`).join(", ")},):
        value = values.get(name)
        for record in store.all(COLLECTION):
            if value is not None and record[name] == value and record["id"] != own_id:
                raise Conflict(f"There is a record with this {name} already.", {name: "is taken"})\n`);
  }
  return parts.join("");
}

/** Python lines that create the records a resource refers to as `self.<field>`, deepest first. */
function parentLines(resource: ResourceModule, done = new Set<string>()): string {
  let lines = "";
  for (const { name, parent } of resource.fields) {
    if (!parent || done.has(name)) continue;
    lines += parentLines(parent, done);
    done.add(name);
    const fields = [
      pythonLiteral(sampleRecord(parent)).slice(1, -1),
      ...parent.fields.filter((field) => field.parent).map((field) => `"${field.name}": self.${field.name}`),
    ];
    lines += `        record = {${fields.join(", ")}}\n`;
    lines += `${pythonConstant("path", parent.path, "        ")}        self.${name} = self.call("POST", path, record)[1]["id"]\n`;
  }
  return lines;
}

/** The method of a test class that makes one record; \`number\` makes unique values differ, `setUpLines` follow the making of parents. */
export function pythonMaker(resource: ResourceModule, setUpLines = ""): string {
  const lines = parentLines(resource) + setUpLines;
  const own = resource.fields
    .filter((field) => !field.parent)
    .map((field) => {
      const value = sampleValue(field);
      const differs =
        field.type === "text"
          ? field.email
            ? 'f"person{number}@example.com"'
            : `f"${field.name} {number}"`
          : null;
      return `            "${field.name}": ${differs ?? pythonLiteral(value)},\n`;
    });
  const named = resource.fields
    .filter((field) => field.parent)
    .map((field) => `            "${field.name}": self.${field.name},\n`);
  const setUp = lines ? `    def setUp(self):\n        super().setUp()\n${lines}\n` : "";
  return `${setUp}    def record(self, number=1):
        return {
${[...own, ...named].join("")}        }

    def create(self, number=1):
        status, created = self.call("POST", RECORDS, self.record(number))
        self.assertEqual(status, 201)
        return created
`;
}

/** Tests of a resource over HTTP. */
export function pythonResourceTest(resource: ResourceModule, className: string): SourceFile {
  const main = mainField(resource);
  const required = resource.fields.find((field) => field.required);
  const unique = resource.fields.find((field) => field.unique);
  const reference = resource.fields.find((field) => field.parent);
  const { path } = resource;
  const text = main.type === "text";
  const other = text
    ? main.email
      ? "person2%40example.com"
      : `${main.name}%202`
    : String(sampleValue(main));
  const found = text ? '[second["id"]]' : '[first["id"], second["id"]]';
  const content = `from tests.client import ServiceTestCase

${pythonConstant("RECORDS", path)}

class ${className}Test(ServiceTestCase):
${pythonMaker(resource)}
    def test_create_and_read(self):
        created = self.create()
        self.assertEqual(self.call("GET", f"{RECORDS}/{created['id']}"), (200, created))

    def test_list_and_filter(self):
        first, second = self.create(1), self.create(2)
        status, answer = self.call("GET", RECORDS)
        self.assertEqual(status, 200)
        self.assertEqual(answer, {"items": [first, second], "total": 2})
        status, answer = self.call("GET", f"{RECORDS}?${main.name}=${other}")
        self.assertEqual(status, 200)
        self.assertEqual([item["id"] for item in answer["items"]], ${found})

    def test_update(self):
        created = self.create()
        change = {"${main.name}": ${text ? (main.email ? '"changed@example.com"' : '"changed"') : pythonLiteral(sampleValue(main, 3))}}
        status, changed = self.call("PATCH", f"{RECORDS}/{created['id']}", change)
        self.assertEqual((status, changed), (200, {**created, **change}))
        status, replaced = self.call("PUT", f"{RECORDS}/{created['id']}", self.record(3))
        self.assertEqual(status, 200)
        self.assertEqual(self.call("GET", f"{RECORDS}/{created['id']}"), (200, replaced))

    def test_delete(self):
        created = self.create()
        self.assertEqual(self.call("DELETE", f"{RECORDS}/{created['id']}"), (204, None))
        self.assertEqual(self.call("GET", f"{RECORDS}/{created['id']}")[0], 404)
        self.assertEqual(self.call("GET", RECORDS)[1]["total"], 0)

    def test_unknown_record(self):
        for method in ("GET", "PUT", "PATCH", "DELETE"):
            status, answer = self.call(method, f"{RECORDS}/999", {})
            self.assertEqual((status, answer["error"]["code"]), (404, "not_found"))
${
  required
    ? `
    def test_required_field(self):
        record = self.record()
        del record["${required.name}"]
        status, answer = self.call("POST", RECORDS, record)
        self.assertEqual(status, 422)
        self.assertEqual(list(answer["error"]["details"]), ["${required.name}"])
`
    : ""
}
    def test_wrong_type(self):
        record = {**self.record(), "${main.name}": ${pythonLiteral(wrongValue(main))}}
        status, answer = self.call("POST", RECORDS, record)
        self.assertEqual(status, 422)
        self.assertEqual(list(answer["error"]["details"]), ["${main.name}"])

    def test_field_that_is_not_known(self):
        status, answer = self.call("POST", RECORDS, {**self.record(), "nonsense": 1})
        self.assertEqual(status, 422)
        self.assertEqual(list(answer["error"]["details"]), ["nonsense"])
${
  unique
    ? `
    def test_${unique.name}_is_unique(self):
        record = self.record()
        self.assertEqual(self.call("POST", RECORDS, record)[0], 201)
        self.assertEqual(self.call("POST", RECORDS, record)[0], 409)
`
    : ""
}${
  reference
    ? `
    def test_${reference.name}_must_exist(self):
        record = {**self.record(), "${reference.name}": 999}
        status, answer = self.call("POST", RECORDS, record)
        self.assertEqual(status, 422)
        self.assertEqual(list(answer["error"]["details"]), ["${reference.name}"])
`
    : ""
}`;
  return { path: `tests/test_${resource.name}.py`, content };
}
