// Further features of a Python resource: search and summary.
import { sentence } from "../names";
import type { Bug, SearchModule, SourceFile, SummaryModule } from "../project";
import { mainField, sampleValue } from "../samples";
import { forSource } from "../text";
import { pythonConstant } from "./base";
import { pythonMaker } from "./http-resource";

/** The module of a search. */
export function pythonSearch(search: SearchModule): SourceFile {
  const content = `"""${sentence(forSource(search.title, 40))}: search by text, order and page."""

from app.errors import Invalid
from app.features.${search.resource.name} import COLLECTION, FIELDS

${pythonConstant("PATH", search.path)}MAX_LIMIT = 100


def register(router):
    router.add("GET", PATH, search)


def search(request):
    """Query: q (text in any field), sort (a field, "-" before it turns it round), limit, offset."""
    query = request.query
    wanted = query.get("q", "").casefold()
    found = [record for record in request.store.all(COLLECTION) if contains(record, wanted)]
    found = in_order(found, query.get("sort", "id"))
    start = number(query, "offset", 0)
    limit = min(number(query, "limit", 20), MAX_LIMIT)
    return 200, {"items": found[start : start + limit], "total": len(found)}


def contains(record, wanted):
    return any(wanted in str(record[name]).casefold() for name in FIELDS)


def in_order(records, sort):
    name = sort.removeprefix("-")
    if name != "id" and name not in FIELDS:
        raise Invalid("Some parameters are not valid.", {"sort": "is not a field"})
    # Records without a value come last in either direction.
    present = [record for record in records if record[name] is not None]
    absent = [record for record in records if record[name] is None]
    return sorted(present, key=lambda record: record[name], reverse=sort.startswith("-")) + absent


def number(query, name, default):
    text = query.get(name, str(default))
    if not text.isdecimal():
        raise Invalid("Some parameters are not valid.", {name: "must be a whole number"})
    return int(text)
`;
  const bugs: Bug[] = [
    {
      right: "any(wanted in str(record[name]).casefold()",
      wrong: "all(wanted in str(record[name]).casefold()",
      why: "a record was found only when every field held the text, not any of them",
    },
    {
      right: 'reverse=sort.startswith("-")',
      wrong: "reverse=False",
      why: "the descending order was ignored",
    },
    {
      right: "found[start : start + limit]",
      wrong: "found[start:limit]",
      why: "the end of a page was not counted from its start",
    },
  ];
  return {
    path: `app/features/${search.name}.py`,
    content,
    bugs: search.resource.fields.length > 1 ? bugs : bugs.slice(1),
  };
}

/** Tests of a search over HTTP. */
export function pythonSearchTest(search: SearchModule, className: string): SourceFile {
  const main = mainField(search.resource);
  const text = main.type === "text" && !main.email;
  const term = text ? `${main.name}%202` : "";
  const content = `from tests.client import ServiceTestCase

${pythonConstant("RECORDS", search.resource.path)}${pythonConstant("PATH", search.path)}

class ${className}Test(ServiceTestCase):
${pythonMaker(search.resource, '        self.ids = [self.create(number)["id"] for number in (1, 2, 3)]\n')}
    def found(self, query):
        status, answer = self.call("GET", f"{PATH}{query}")
        self.assertEqual(status, 200)
        return [item["id"] for item in answer["items"]], answer["total"]

    def test_everything(self):
        self.assertEqual(self.found(""), (self.ids, 3))

    def test_text(self):
        self.assertEqual(self.found("?q=${term}"), (${text ? "self.ids[1:2], 1" : "self.ids, 3"}))
        self.assertEqual(self.found("?q=nothing-like-this"), ([], 0))

    def test_order(self):
        self.assertEqual(self.found("?sort=-id")[0], self.ids[::-1])
        self.assertEqual(self.found("?sort=${main.name}")[0], self.ids)

    def test_pages(self):
        self.assertEqual(self.found("?limit=1&offset=1"), (self.ids[1:2], 3))
        self.assertEqual(self.found("?offset=5"), ([], 3))

    def test_bad_parameters(self):
        for query in ("?sort=nonsense", "?limit=many", "?offset=-1"):
            status, answer = self.call("GET", f"{PATH}{query}")
            self.assertEqual((status, answer["error"]["code"]), (422, "invalid"))
`;
  return { path: `tests/test_${search.name}.py`, content };
}

/** The module of a summary. */
export function pythonSummary(summary: SummaryModule): SourceFile {
  const content = `"""${sentence(forSource(summary.title, 40))}: counts records and sums up their numbers."""

from app.features.${summary.resource.name} import COLLECTION, FIELDS

${pythonConstant("PATH", summary.path)}

def register(router):
    router.add("GET", PATH, summarise)


def summarise(request):
    records = request.store.all(COLLECTION)
    numbers = [name for name, field in FIELDS.items() if field.type in (int, float)]
    flags = [name for name, field in FIELDS.items() if field.type is bool]
    return 200, {
        "count": len(records),
        "numbers": {name: figures([record[name] for record in records]) for name in numbers},
        "true": {name: sum(bool(record[name]) for record in records) for name in flags},
    }


def figures(values):
    """Return sum, average, least and greatest of the values that are there."""
    values = [value for value in values if value is not None]
    if not values:
        return {"sum": 0, "average": None, "least": None, "greatest": None}
    total = sum(values)
    return {
        "sum": round(total, 2),
        "average": round(total / len(values), 2),
        "least": min(values),
        "greatest": max(values),
    }
`;
  const bugs: Bug[] = [
    {
      right: '"count": len(records)',
      wrong: '"count": len(FIELDS)',
      why: "the count was that of the fields, not of the records",
    },
  ];
  return { path: `app/features/${summary.name}.py`, content, bugs };
}

/** Tests of a summary over HTTP. */
export function pythonSummaryTest(summary: SummaryModule, className: string): SourceFile {
  const number = summary.resource.fields.find(
    (field) => (field.type === "number" || field.type === "integer") && !field.parent,
  );
  const value = number ? Number(sampleValue(number)) : 0;
  const figures = number
    ? `
    def test_figures(self):
        self.create(1)
        self.create(2)
        figures = self.summary()["numbers"]["${number.name}"]
        self.assertEqual(figures["sum"], ${value * 2})
        self.assertEqual(figures["average"], ${value})
        self.assertEqual((figures["least"], figures["greatest"]), (${value}, ${value}))
`
    : "";
  const content = `from tests.client import ServiceTestCase

${pythonConstant("RECORDS", summary.resource.path)}${pythonConstant("PATH", summary.path)}

class ${className}Test(ServiceTestCase):
${pythonMaker(summary.resource)}
    def summary(self):
        status, answer = self.call("GET", PATH)
        self.assertEqual(status, 200)
        return answer

    def test_nothing_yet(self):
        self.assertEqual(self.summary()["count"], 0)

    def test_count(self):
        self.create(1)
        self.create(2)
        self.assertEqual(self.summary()["count"], 2)
${figures}`;
  return { path: `tests/test_${summary.name}.py`, content };
}
