// Tests of a Python library: they call what it offers.
import { catalogued } from "../functions";
import { pascal } from "../names";
import type {
  ActionModule,
  FunctionModule,
  Module,
  ResourceModule,
  SearchModule,
  SourceFile,
  SummaryModule,
} from "../project";
import { mainField, sampleRecord, wrongValue } from "../samples";
import { pythonImport, pythonImports, pythonLiteral } from "./base";
import type { PythonPlace } from "./core";

/** Tests of what a task added to a library. */
export function pythonCoreTest(module: Module, place: PythonPlace): SourceFile[] {
  const path = `tests/test_${module.name}.py`;
  switch (module.shape) {
    case "resource":
      return [{ path, content: collectionTest(module, place) }];
    case "search":
      return [{ path, content: searchTest(module, place) }];
    case "summary":
      return [{ path, content: summaryTest(module, place) }];
    case "action":
      return [{ path, content: actionTest(module, place) }];
    case "function":
      return [{ path, content: functionTest(module, place) }];
    default:
      return [];
  }
}

/** Lines \`FIRST = {...}\`, one field a line. */
function records(resource: ResourceModule, count: number): string {
  return ["FIRST", "SECOND", "THIRD"]
    .slice(0, count)
    .map((name, index) => {
      const rows = Object.entries(sampleRecord(resource, index + 1)).map(
        ([key, value]) => `    "${key}": ${pythonLiteral(value)},\n`,
      );
      return `${name} = {\n${rows.join("")}}\n`;
    })
    .join("");
}

function collectionTest(resource: ResourceModule, { top, features }: PythonPlace): string {
  const main = mainField(resource);
  const required = resource.fields.find((field) => field.required);
  const unique = resource.fields.find((field) => field.unique);
  const name = pascal(resource.name);
  const changed =
    main.type === "text"
      ? main.email
        ? '"changed@example.com"'
        : '"changed"'
      : pythonLiteral(sampleRecord(resource, 3)[main.name]);
  return `import unittest

${pythonImports(pythonImport(`${top}.errors`, ["Invalid", "NotFound", ...(unique ? ["Conflict"] : [])]), `from ${features}.${resource.name} import ${name}`)}
${records(resource, 2)}

class ${name}Test(unittest.TestCase):
    def setUp(self):
        self.records = ${name}()

    def test_add_and_get(self):
        added = self.records.add(FIRST)
        self.assertEqual(added, {"id": added["id"], **FIRST})
        self.assertEqual(self.records.get(added["id"]), added)

    def test_all_and_filter(self):
        first, second = self.records.add(FIRST), self.records.add(SECOND)
        self.assertEqual(self.records.all(), [first, second])
        self.assertEqual(self.records.all(id=second["id"]), [second])

    def test_update(self):
        added = self.records.add(FIRST)
        changed = self.records.update(added["id"], {"${main.name}": ${changed}})
        self.assertEqual(changed, {**added, "${main.name}": ${changed}})

    def test_remove(self):
        added = self.records.add(FIRST)
        self.assertEqual(self.records.remove(added["id"]), added)
        self.assertEqual(self.records.all(), [])

    def test_unknown_record(self):
        for use in (self.records.get, self.records.remove):
            with self.assertRaises(NotFound):
                use(999)

    def test_wrong_values(self):
        for wrong in ({**FIRST, "${main.name}": ${pythonLiteral(wrongValue(main))}}, {**FIRST, "nonsense": 1}):
            with self.assertRaises(Invalid):
                self.records.add(wrong)
${
  required
    ? `
    def test_required_field(self):
        with self.assertRaises(Invalid) as caught:
            self.records.add({name: FIRST[name] for name in FIRST if name != "${required.name}"})
        self.assertEqual(list(caught.exception.details), ["${required.name}"])
`
    : ""
}${
  unique
    ? `
    def test_unique_field(self):
        self.records.add(FIRST)
        with self.assertRaises(Conflict):
            self.records.add(FIRST)
`
    : ""
}`;
}

function searchTest({ name, resource }: SearchModule, { top, features }: PythonPlace): string {
  const main = mainField(resource);
  const term = main.type === "text" && !main.email ? `${main.name} 2` : null;
  return `import unittest

${pythonImports(`from ${top}.errors import Invalid`, `from ${features}.${resource.name} import ${pascal(resource.name)}`, `from ${features}.${name} import search`)}
${records(resource, 2)}

class ${pascal(name)}Test(unittest.TestCase):
    def setUp(self):
        self.records = ${pascal(resource.name)}()
        self.first = self.records.add(FIRST)
        self.second = self.records.add(SECOND)

    def test_text(self):
        self.assertEqual(search(self.records, "${term ?? ""}"), ${term ? "[self.second]" : "[self.first, self.second]"})
        self.assertEqual(search(self.records, "nothing like this"), [])

    def test_order_and_limit(self):
        self.assertEqual(search(self.records, sort="-id"), [self.second, self.first])
        self.assertEqual(search(self.records, limit=1), [self.first])

    def test_unknown_field(self):
        with self.assertRaises(Invalid):
            search(self.records, sort="nonsense")
`;
}

function summaryTest({ name, resource }: SummaryModule, { features }: PythonPlace): string {
  return `import unittest

${pythonImports(`from ${features}.${resource.name} import ${pascal(resource.name)}`, `from ${features}.${name} import summarise`)}
${records(resource, 2)}

class ${pascal(name)}Test(unittest.TestCase):
    def test_count(self):
        collection = ${pascal(resource.name)}()
        self.assertEqual(summarise(collection)["count"], 0)
        collection.add(FIRST)
        collection.add(SECOND)
        self.assertEqual(summarise(collection)["count"], 2)
`;
}

function actionTest({ name, resource, verb }: ActionModule, { top, features }: PythonPlace): string {
  return `import unittest

${pythonImports(`from ${top}.errors import Conflict, NotFound`, `from ${features}.${name} import mark, unmark`, `from ${features}.${resource.name} import ${pascal(resource.name)}`)}
${records(resource, 1)}

class ${pascal(name)}Test(unittest.TestCase):
    def setUp(self):
        self.records = ${pascal(resource.name)}()
        self.key = self.records.add(FIRST)["id"]

    def test_step_is_noted_once(self):
        self.assertTrue(mark(self.records, self.key)["${verb}_at"])
        with self.assertRaises(Conflict):
            mark(self.records, self.key)

    def test_step_can_be_taken_back(self):
        mark(self.records, self.key)
        self.assertIsNone(unmark(self.records, self.key)["${verb}_at"])

    def test_unknown_record(self):
        with self.assertRaises(NotFound):
            mark(self.records, 999)
`;
}

function functionTest({ name, id }: FunctionModule, { top, features }: PythonPlace): string {
  const { examples } = catalogued(id);
  const call = (args: unknown[]) => `${id}(${args.map(pythonLiteral).join(", ")})`;
  const good = examples.filter((example) => "result" in example);
  const bad = examples.filter((example) => !("result" in example));
  const equal = good.map(
    ({ args, result }) =>
      `        self.assertEqual(\n            ${call(args)},\n            ${pythonLiteral(result)},\n        )\n`,
  );
  return `import unittest

${pythonImports(...(bad.length > 0 ? [`from ${top}.errors import Invalid`] : []), `from ${features}.${name} import ${id}`)}

class ${pascal(name)}Test(unittest.TestCase):
    def test_results(self):
${equal.join("")}${
  bad.length > 0
    ? `
    def test_wrong_input(self):
${bad.map(({ args }) => `        with self.assertRaises(Invalid):\n            ${call(args)}\n`).join("")}`
    : ""
}`;
}
