// A module for a Python repository, one file that needs no other, and its tests for unittest or pytest.
import { catalogued } from "../functions";
import { pascal, sentence } from "../names";
import type { Bug, FieldSpec, FunctionModule, ResourceModule } from "../project";
import { pythonLiteral } from "../python/base";
import { mainField, sampleRecord, wrongValue } from "../samples";
import { forSource } from "../text";
import type { ChangeModule } from "./modules";
import type { Written } from "./node-module";

/** What the module is imported by. */
export function pythonName(module: ChangeModule): string {
  return module.shape === "function" ? module.id : pascal(module.name);
}

/** The module's text and the mistakes that it can be made with. */
export function pythonModule(module: ChangeModule): Written {
  return module.shape === "function" ? functionText(module) : collection(module);
}

function functionText({ id }: FunctionModule): Written {
  const { about, python, bug } = catalogued(id);
  const body = python
    .replace(/\n?from PACKAGE\.errors import Invalid\n/, "")
    .replace(/\bInvalid\(/g, "ValueError(")
    .replace(/^\n+/, "");
  const gap = /^(?:import|from) /.test(body) ? "" : /^(?:def|class|@)/.test(body) ? "\n" : "";
  return {
    content: `"""${about}"""\n\n${gap}${body}`,
    bugs: [{ right: bug.python[0], wrong: bug.python[1], why: bug.why }],
  };
}

const TYPES: Record<FieldSpec["type"], string> = {
  text: "str",
  number: "(int, float)",
  integer: "int",
  boolean: "bool",
};

function collection(module: ResourceModule): Written {
  const fields = module.fields.map(({ name, type }) => `    "${name}": ${TYPES[type]},\n`).join("");
  const required = module.fields.filter((field) => field.required).map(({ name }) => `"${name}"`);
  const content = `"""${sentence(forSource(module.title, 40))}: records with ids, kept in memory."""

FIELDS = {
${fields}}
REQUIRED = [${required.join(", ")}]


class ${pascal(module.name)}:
    """Records that can be added, read, changed and removed."""

    def __init__(self):
        self._records = {}
        self._next_id = 1

    def add(self, values):
        """Store a copy of a record and return it with its id; a ValueError for wrong values."""
        missing = [name for name in REQUIRED if name not in values]
        if missing:
            raise ValueError(f"{missing[0]} is required.")
        record = {**checked(values), "id": self._next_id}
        self._next_id += 1
        self._records[record["id"]] = record
        return dict(record)

    def get(self, key):
        """Return the record with this id; a ValueError when there is none."""
        if key not in self._records:
            raise ValueError(f"There is no record {key}.")
        return dict(self._records[key])

    def all(self):
        """Return all records in the order in which they were added."""
        return [dict(record) for record in self._records.values()]

    def update(self, key, changes):
        """Change single fields of a record and return it."""
        self._records[key] = {**self.get(key), **checked(changes)}
        return self.get(key)

    def remove(self, key):
        """Remove a record and return what it was."""
        record = self.get(key)
        del self._records[key]
        return record


def checked(values):
    for name, value in values.items():
        if name not in FIELDS:
            raise ValueError(f"{name} is not known.")
        if not isinstance(value, FIELDS[name]):
            raise ValueError(f"{name} is of the wrong type.")
    return values
`;
  return { content, bugs: COLLECTION_BUGS };
}

const COLLECTION_BUGS: Bug[] = [
  {
    right: "{**self.get(key), **checked(changes)}",
    wrong: "{**checked(changes), **self.get(key)}",
    why: "a change was covered by the old values of the record",
  },
  {
    right: "if name not in FIELDS:",
    wrong: "if name is None:",
    why: "fields that are not known were not refused as such",
  },
];

interface Case {
  title: string;
  lines: string[];
}

/** How single statements of a test are written. */
interface Words {
  equal(actual: string, expected: string): string[];
  refuses(call: string): string[];
}

/** Columns that a statement may take inside a method. */
const WIDTH = 80;

const UNITTEST: Words = {
  equal: (actual, expected) => {
    const line = `self.assertEqual(${actual}, ${expected})`;
    return line.length <= WIDTH ? [line] : ["self.assertEqual(", `    ${actual},`, `    ${expected},`, ")"];
  },
  refuses: (call) => ["with self.assertRaises(ValueError):", `    ${call}`],
};
const PYTEST: Words = {
  equal: (actual, expected) => [
    `assert ${actual} ${/^(?:True|False)$/.test(expected) ? "is" : "=="} ${expected}`,
  ],
  refuses: (call) => ["with pytest.raises(ValueError):", `    ${call}`],
};

/**
 * The tests of a module.
 * @param from the module as it is imported, such as `shop.slugify`
 * @param pytest whether tests are plain functions
 */
export function pythonTest(module: ChangeModule, from: string, pytest: boolean): string {
  const words = pytest ? PYTEST : UNITTEST;
  const cases = module.shape === "function" ? functionCases(module, words) : collectionCases(module, words);
  const own = `from ${from} import ${pythonName(module)}`;
  if (pytest) {
    const used = cases.some(({ lines }) => lines.some((line) => line.includes("pytest.")));
    const functions = cases.map(({ title, lines }) => `def test_${title}():\n${indented(lines, 4)}`);
    return `${used ? "import pytest\n\n" : ""}${own}\n\n\n${functions.join("\n\n")}`;
  }
  const methods = cases.map(({ title, lines }) => `    def test_${title}(self):\n${indented(lines, 8)}`);
  return `import unittest\n\n${own}\n\n\nclass ${pascal(module.name)}Test(unittest.TestCase):\n${methods.join("\n")}`;
}

const indented = (lines: readonly string[], width: number) =>
  lines.map((line) => `${" ".repeat(width)}${line}\n`).join("");

function functionCases({ id }: FunctionModule, words: Words): Case[] {
  const { examples } = catalogued(id);
  const call = (args: unknown[]) => `${id}(${args.map(pythonLiteral).join(", ")})`;
  const good = examples.filter((example) => "result" in example);
  const bad = examples.filter((example) => !("result" in example));
  const refused = { title: "wrong_input", lines: bad.flatMap(({ args }) => words.refuses(call(args))) };
  return [
    {
      title: "results",
      lines: good.flatMap(({ args, result }) => words.equal(call(args), pythonLiteral(result))),
    },
    ...(bad.length > 0 ? [refused] : []),
  ];
}

function collectionCases(module: ResourceModule, words: Words): Case[] {
  const name = pythonName(module);
  const main = mainField(module);
  const required = module.fields.find((field) => field.required);
  const changed = `{"${main.name}": ${pythonLiteral(sampleRecord(module, 3)[main.name])}}`;
  const rows = (number: number) =>
    Object.entries(sampleRecord(module, number)).map(
      ([key, value]) => `    "${key}": ${pythonLiteral(value)},`,
    );
  const start = [`records = ${name}()`, "first = {", ...rows(1), "}"];
  return [
    {
      title: "records_are_kept_in_order",
      lines: [
        ...start,
        "added = records.add(first)",
        "other = records.add(",
        "    {",
        ...rows(2).map((row) => `    ${row}`),
        "    }",
        ")",
        ...words.equal('records.get(added["id"])', '{**first, "id": added["id"]}'),
        ...words.equal("records.all()", "[added, other]"),
      ],
    },
    {
      title: "records_are_changed_and_removed",
      lines: [
        ...start,
        "added = records.add(first)",
        `change = ${changed}`,
        ...words.equal('records.update(added["id"], change)', "{**added, **change}"),
        'records.remove(added["id"])',
        ...words.equal("records.all()", "[]"),
        ...words.refuses('records.get(added["id"])'),
      ],
    },
    {
      title: "wrong_values",
      lines: [
        ...start,
        ...words.refuses(`records.add({**first, "${main.name}": ${pythonLiteral(wrongValue(main))}})`),
        ...words.refuses('records.add({**first, "nonsense": 1})'),
        ...(required ? [`del first["${required.name}"]`, ...words.refuses("records.add(first)")] : []),
      ],
    },
  ];
}
