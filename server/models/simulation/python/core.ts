// The behaviour of Python tools and libraries, apart from any command line: collections of records, views of them,
// and catalogued functions.
import { catalogued } from "../functions";
import { pascal, sentence } from "../names";
import type {
  ActionModule,
  Bug,
  FunctionModule,
  Module,
  ResourceModule,
  SearchModule,
  SourceFile,
  SummaryModule,
} from "../project";
import { forSource } from "../text";
import { pythonFields, pythonImport, pythonImports } from "./base";

/** Where the behaviour lives: dotted package and its top package. */
export interface PythonPlace {
  top: string;
  features: string;
}

/** The module that holds what a task adds. */
export function pythonCore(module: Module, place: PythonPlace): SourceFile[] {
  const path = `${place.features.replaceAll(".", "/")}/${module.name}.py`;
  switch (module.shape) {
    case "resource":
      return [{ path, content: collection(module, place), bugs: COLLECTION_BUGS }];
    case "search":
      return [{ path, content: search(module, place), bugs: searchBugs(module.resource.fields.length) }];
    case "summary":
      return [{ path, content: summary(module, place), bugs: SUMMARY_BUGS }];
    case "action":
      return [{ path, content: action(module, place), bugs: ACTION_BUGS }];
    case "function":
      return [{ path, ...functionFile(module, place) }];
    default:
      return [];
  }
}

const COLLECTION_BUGS: Bug[] = [
  {
    right: "if record[name] == wanted",
    wrong: "if record[name] != wanted",
    why: "the filter kept the records that do not match instead of those that do",
  },
  {
    right: "        values = validate(values, FIELDS)\n",
    wrong: "        values = validate(values, FIELDS, partial=True)\n",
    why: "adding a record checked only the fields that were given, so required ones could be left out",
  },
];
/** With one field only, "any" and "all" are the same. */
const searchBugs = (fields: number): Bug[] => [
  ...(fields > 1
    ? [
        {
          right: "any(wanted in",
          wrong: "all(wanted in",
          why: "a record was found only when every field held the text, not any of them",
        },
      ]
    : []),
  { right: 'reverse=sort.startswith("-")', wrong: "reverse=False", why: "the descending order was ignored" },
];
const SUMMARY_BUGS: Bug[] = [
  {
    right: '"count": len(records)',
    wrong: '"count": len(FIELDS)',
    why: "the count was that of the fields, not of the records",
  },
];
const ACTION_BUGS: Bug[] = [
  {
    right: "if record.get(MARK):",
    wrong: "if not record.get(MARK, True):",
    why: "a step that was taken already could be taken again",
  },
];

function collection(resource: ResourceModule, { top }: PythonPlace): string {
  const uniques = resource.fields.filter((field) => field.unique).map((field) => field.name);
  const errors = ["NotFound", ...(uniques.length > 0 ? ["Conflict"] : [])];
  const check = (own: string) => (uniques.length > 0 ? `        self._check_unique(values, ${own})\n` : "");
  return `"""${sentence(forSource(resource.title, 40))}: a collection of records."""

${pythonImports(pythonImport(`${top}.errors`, errors), `from ${top}.store import Store`, `from ${top}.validation import Field, validate`)}
COLLECTION = "${resource.name}"
${pythonFields(resource.fields)}

class ${pascal(resource.name)}:
    """Records with ids, kept in the given store or in memory."""

    def __init__(self, store=None):
        self.store = store or Store()

    def add(self, values):
        """Store a new record and return it; raise Invalid for wrong values."""
        values = validate(values, FIELDS)
${check("None")}        return self.store.insert(COLLECTION, values)

    def get(self, key):
        """Return the record with this id or raise NotFound."""
        record = self.store.get(COLLECTION, key)
        if record is None:
            raise NotFound(f"No record {key} in {COLLECTION}.")
        return record

    def all(self, **filters):
        """Return all records whose fields have the given values."""
        records = self.store.all(COLLECTION)
        for name, wanted in filters.items():
            records = [record for record in records if record[name] == wanted]
        return records

    def update(self, key, changes):
        """Change single fields of a record and return it."""
        record = self.get(key)
        values = validate(changes, FIELDS, partial=True)
${check('record["id"]')}        return self.store.update(COLLECTION, record["id"], values)

    def remove(self, key):
        """Remove a record and return what it was."""
        record = self.get(key)
        self.store.delete(COLLECTION, record["id"])
        return record
${
  uniques.length > 0
    ? `
    def _check_unique(self, values, own_id):
        for name in (${uniques.map((name) => `"${name}"`).join(", ")},):
            value = values.get(name)
            for record in self.all():
                if value is not None and record[name] == value and record["id"] != own_id:
                    raise Conflict(f"There is a record with this {name} already.")
`
    : ""
}`;
}

function search(module: SearchModule, { top, features }: PythonPlace): string {
  return `"""${sentence(forSource(module.title, 40))}: search by text and order."""

${pythonImports(`from ${top}.errors import Invalid`, `from ${features}.${module.resource.name} import FIELDS`)}

def search(collection, text="", sort="id", limit=20):
    """Return records with the text in any field; "-" before a field turns the order round."""
    name = sort.removeprefix("-")
    if name != "id" and name not in FIELDS:
        raise Invalid(f"{name} is not a field.")
    wanted = text.casefold()
    found = [record for record in collection.all() if contains(record, wanted)]
    present = [record for record in found if record[name] is not None]
    absent = [record for record in found if record[name] is None]
    present.sort(key=lambda record: record[name], reverse=sort.startswith("-"))
    return (present + absent)[:limit]


def contains(record, wanted):
    return any(wanted in str(record[name]).casefold() for name in FIELDS)
`;
}

function summary(module: SummaryModule, { features }: PythonPlace): string {
  return `"""${sentence(forSource(module.title, 40))}: counts records and sums up their numbers."""

from ${features}.${module.resource.name} import FIELDS


def summarise(collection):
    """Return the count, the sum of each number field, and how often each flag is set."""
    records = collection.all()
    numbers = [name for name, field in FIELDS.items() if field.type in (int, float)]
    flags = [name for name, field in FIELDS.items() if field.type is bool]
    return {
        "count": len(records),
        "sums": {name: round(sum(one[name] or 0 for one in records), 2) for name in numbers},
        "true": {name: sum(bool(one[name]) for one in records) for name in flags},
    }
`;
}

function action(module: ActionModule, { top, features }: PythonPlace): string {
  return `"""${sentence(forSource(module.title, 40))}: one step in the life of a record."""

from datetime import UTC, datetime

${pythonImports(`from ${top}.errors import Conflict`, `from ${features}.${module.resource.name} import COLLECTION`)}
MARK = "${module.verb}_at"


def mark(collection, key):
    """Note when the step was taken; a second time is a conflict."""
    record = collection.get(key)
    if record.get(MARK):
        raise Conflict("This was done already.")
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return collection.store.update(COLLECTION, record["id"], {MARK: now})


def unmark(collection, key):
    """Take the step back."""
    record = collection.get(key)
    return collection.store.update(COLLECTION, record["id"], {MARK: None})
`;
}

function functionFile(module: FunctionModule, { top }: PythonPlace): { content: string; bugs: Bug[] } {
  const { about, python, bug } = catalogued(module.id);
  return {
    content: `"""${about}"""\n\n${/^(import|from) /.test(python) ? "" : "\n"}${python.replaceAll("PACKAGE", top)}`,
    bugs: [{ right: bug.python[0], wrong: bug.python[1], why: bug.why }],
  };
}
