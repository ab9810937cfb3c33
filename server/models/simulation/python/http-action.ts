// Named steps in the life of a record of a Python service, and entries that belong to it.
import { sentence } from "../names";
import type { ActionModule, Bug, SourceFile } from "../project";
import { forSource } from "../text";
import { pythonConstant } from "./base";
import { pythonMaker } from "./http-resource";

/** The module of a named step (POST, PUT, PATCH), of its withdrawal (DELETE), or of entries below a record (GET). */
export function pythonAction(action: ActionModule): SourceFile {
  const { method, path, verb, resource } = action;
  const path_ = `app/features/${action.name}.py`;
  if (method === "GET") {
    const content = `"""${sentence(forSource(action.title, 40))}: entries that belong to one record."""

from app.features.${resource.name} import find
from app.validation import Field, validate

${pythonConstant("PATH", path)}COLLECTION = "${action.name}"
FIELDS = {"text": Field(str, required=True)}


def register(router):
    router.add("GET", PATH, list_entries)
    router.add("POST", PATH, add_entry)


def list_entries(request):
    owner = find(request.store, request.params["id"])
    entries = [one for one in request.store.all(COLLECTION) if one["owner_id"] == owner["id"]]
    return 200, {"items": entries, "total": len(entries)}


def add_entry(request):
    owner = find(request.store, request.params["id"])
    values = validate(request.body, FIELDS)
    return 201, request.store.insert(COLLECTION, {"owner_id": owner["id"], **values})
`;
    const right = 'if one["owner_id"] == owner["id"]';
    return {
      path: path_,
      content,
      bugs: [
        {
          right,
          wrong: 'if one["owner_id"] >= owner["id"]',
          why: "entries of later records were listed as well",
        },
      ],
    };
  }
  const content = `"""${sentence(forSource(action.title, 40))}: one step in the life of a record."""

from datetime import UTC, datetime

from app.errors import Conflict
from app.features.${resource.name} import COLLECTION, find

${pythonConstant("PATH", path)}MARK = "${verb}_at"


def register(router):
    router.add("${method === "DELETE" ? "POST" : method}", PATH, mark)
    router.add("DELETE", PATH, unmark)


def mark(request):
    """Note when the step was taken; a second time is a conflict."""
    with request.store.lock:
        record = find(request.store, request.params["id"])
        if record.get(MARK):
            raise Conflict("This was done already.")
        now = datetime.now(UTC).isoformat(timespec="seconds")
        return 200, request.store.update(COLLECTION, record["id"], {MARK: now})


def unmark(request):
    record = find(request.store, request.params["id"])
    return 200, request.store.update(COLLECTION, record["id"], {MARK: None})
`;
  const bugs: Bug[] = [
    {
      right: "        if record.get(MARK):\n",
      wrong: "        if not record.get(MARK, True):\n",
      why: "a step that was taken already could be taken again",
    },
    { right: "{MARK: None})", wrong: "{})", why: "taking the step back left its mark in place" },
  ];
  return { path: path_, content, bugs };
}

/** Tests of an action over HTTP. */
export function pythonActionTest(action: ActionModule, className: string): SourceFile {
  const { method, verb, resource } = action;
  const head = `from tests.client import ServiceTestCase

${pythonConstant("RECORDS", resource.path)}${pythonConstant("PATH", action.path.replace(/:id\d+/g, "1"))}

class ${className}Test(ServiceTestCase):
${pythonMaker(resource)}
    def address(self, key):
        return PATH.replace(":id", str(key))
`;
  const verbMethod = method === "DELETE" ? "POST" : method;
  const body =
    method === "GET"
      ? `
    def test_entries_belong_to_their_record(self):
        first, second = self.create(1), self.create(2)
        for owner in (first, second):
            status, entry = self.call("POST", self.address(owner["id"]), {"text": "hello"})
            self.assertEqual((status, entry["owner_id"]), (201, owner["id"]))
        status, answer = self.call("GET", self.address(first["id"]))
        self.assertEqual(status, 200)
        self.assertEqual([item["owner_id"] for item in answer["items"]], [first["id"]])

    def test_text_is_required(self):
        status, answer = self.call("POST", self.address(self.create()["id"]), {})
        self.assertEqual((status, list(answer["error"]["details"])), (422, ["text"]))

    def test_unknown_record(self):
        self.assertEqual(self.call("GET", self.address(999))[0], 404)
`
      : `
    def test_step_is_noted_once(self):
        record = self.create()
        status, marked = self.call("${verbMethod}", self.address(record["id"]), {})
        self.assertEqual(status, 200)
        self.assertTrue(marked["${verb}_at"])
        self.assertEqual(self.call("${verbMethod}", self.address(record["id"]), {})[0], 409)

    def test_step_can_be_taken_back(self):
        record = self.create()
        self.call("${verbMethod}", self.address(record["id"]), {})
        status, answer = self.call("DELETE", self.address(record["id"]))
        self.assertEqual((status, answer["${verb}_at"]), (200, None))
        self.assertEqual(self.call("${verbMethod}", self.address(record["id"]), {})[0], 200)

    def test_unknown_record(self):
        for method in ("${verbMethod}", "DELETE"):
            self.assertEqual(self.call(method, self.address(999), {})[0], 404)
`;
  return { path: `tests/test_${action.name}.py`, content: head + body };
}
