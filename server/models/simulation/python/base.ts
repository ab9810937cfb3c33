// Python modules shared by services, command line tools and libraries: errors, validation and storage.
import type { FieldSpec, SourceFile } from "../project";

export const PYTHON_ERRORS = `"""Mistakes of a caller, each with a code that says what kind it is."""


class AppError(Exception):
    """Base of all expected errors; \`details\` names the fields that are wrong."""

    code = "error"

    def __init__(self, message, details=None):
        super().__init__(message)
        self.message = message
        self.details = details or {}


class Invalid(AppError):
    code = "invalid"


class NotFound(AppError):
    code = "not_found"


class Conflict(AppError):
    code = "conflict"
`;

const validation = (pkg: string) => `"""Checks values against declared fields."""

import re
from dataclasses import dataclass

from ${pkg}.errors import Invalid

EMAIL = re.compile(r"[^@\\s]+@[^@\\s]+\\.[^@\\s]+")
NAMES = {str: "text", int: "an integer", float: "a number", bool: "true or false"}


@dataclass(frozen=True)
class Field:
    type: type
    required: bool = False
    minimum: float | None = None
    email: bool = False


def validate(payload, fields, partial=False):
    """Return a record with the declared fields.

    With \`partial\` only the given fields are checked and returned.
    Raises Invalid, naming every wrong field.
    """
    problems = {name: "is not known" for name in payload if name not in fields and name != "id"}
    values = {}
    for name, field in fields.items():
        if partial and name not in payload:
            continue
        value = payload.get(name)
        problem = check(value, field)
        if problem:
            problems[name] = problem
        if value is None and field.type is bool:
            value = False
        values[name] = value.strip() if isinstance(value, str) else value
    if problems:
        raise Invalid("Some fields are not valid.", problems)
    return values


def check(value, field):
    """Say what is wrong with a value, or return None."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return "is required" if field.required else None
    accepted = (int, float) if field.type is float else field.type
    if not isinstance(value, accepted) or (isinstance(value, bool) and field.type is not bool):
        return f"must be {NAMES[field.type]}"
    if field.minimum is not None and value < field.minimum:
        return f"must be at least {field.minimum}"
    if field.email and not EMAIL.fullmatch(value):
        return "must be an e-mail address"
    return None
`;

const store = `"""Records in memory, optionally kept in a JSON file between starts."""

import json
import threading
from copy import deepcopy
from pathlib import Path


class Store:
    """Named collections of records with increasing ids. Safe to share between threads."""

    def __init__(self, path=None):
        self.lock = threading.RLock()
        self._path = Path(path) if path else None
        self._collections = {}
        if self._path and self._path.exists():
            self._collections = json.loads(self._path.read_text(encoding="utf-8"))

    def all(self, collection):
        with self.lock:
            return deepcopy(self._collection(collection)["records"])

    def get(self, collection, key):
        """Return the record whose id is \`key\` (a number or its text), or None."""
        with self.lock:
            return deepcopy(self._find(collection, key))

    def insert(self, collection, values):
        with self.lock:
            content = self._collection(collection)
            record = {"id": content["next_id"], **values}
            content["next_id"] += 1
            content["records"].append(record)
            self._save()
            return deepcopy(record)

    def update(self, collection, key, changes):
        with self.lock:
            record = self._find(collection, key)
            record.update(changes)
            self._save()
            return deepcopy(record)

    def delete(self, collection, key):
        with self.lock:
            self._collection(collection)["records"].remove(self._find(collection, key))
            self._save()

    def _collection(self, name):
        return self._collections.setdefault(name, {"next_id": 1, "records": []})

    def _find(self, collection, key):
        records = self._collection(collection)["records"]
        return next((record for record in records if str(record["id"]) == str(key)), None)

    def _save(self):
        if self._path:
            draft = self._path.with_suffix(".tmp")
            draft.write_text(json.dumps(self._collections, indent=2), encoding="utf-8")
            draft.replace(self._path)
`;

/** Modules that every Python project starts with. */
export function pythonBase(pkg: string): SourceFile[] {
  return [
    { path: `${pkg}/errors.py`, content: PYTHON_ERRORS },
    { path: `${pkg}/validation.py`, content: validation(pkg) },
    { path: `${pkg}/store.py`, content: store },
  ];
}

const TYPES = { text: "str", number: "float", integer: "int", boolean: "bool" } as const;

/** The `FIELDS` table of a record. */
export function pythonFields(fields: readonly FieldSpec[]): string {
  const rows = fields.map((field) => {
    const options = [
      TYPES[field.type],
      ...(field.required ? ["required=True"] : []),
      ...(field.minimum === undefined ? [] : [`minimum=${field.minimum}`]),
      ...(field.email ? ["email=True"] : []),
    ];
    return `    "${field.name}": Field(${options.join(", ")}),\n`;
  });
  return `FIELDS = {\n${rows.join("")}}\n`;
}

/** `from x import a, b` as isort writes it, at any line length between 88 and 100. */
export function pythonImport(from: string, names: readonly string[]): string {
  const sorted = [...new Set(names)].sort(naturally);
  const line = `from ${from} import ${sorted.join(", ")}`;
  return line.length <= 88
    ? line
    : `from ${from} import (\n${sorted.map((name) => `    ${name},\n`).join("")})`;
}

/** Import lines of one section in the order of their modules. */
export function pythonImports(...lines: string[]): string {
  const moduleOf = (line: string) => line.split(" ")[1] ?? "";
  return `${lines.sort((a, b) => naturally(moduleOf(a), moduleOf(b))).join("\n")}\n`;
}

/** Orders names as isort does: digits by value. */
function naturally(a: string, b: string): number {
  const parts = (text: string) => text.match(/\d+|\D/g) ?? [];
  const left = parts(a);
  const right = parts(b);
  for (let index = 0; index < Math.min(left.length, right.length); index += 1) {
    const [x, y] = [left[index]!, right[index]!];
    if (x === y) continue;
    return /^\d/.test(x) && /^\d/.test(y) ? Number(x) - Number(y) : x < y ? -1 : 1;
  }
  return left.length - right.length;
}

/** A JSON-like value as a Python literal on one line. */
export function pythonLiteral(value: unknown): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  if (Array.isArray(value)) return `[${value.map(pythonLiteral).join(", ")}]`;
  if (typeof value === "object") {
    return `{${Object.entries(value as object)
      .map(([key, item]) => `"${key}": ${pythonLiteral(item)}`)
      .join(", ")}}`;
  }
  return JSON.stringify(value);
}

/** `NAME = "text"`, broken over lines where it would be too long for one. */
export function pythonConstant(name: string, text: string, indent = ""): string {
  const line = `${indent}${name} = "${text}"\n`;
  if (line.length <= 96) return line;
  const pieces = text.match(/.{1,80}/g) ?? [];
  return `${indent}${name} = (\n${pieces.map((piece) => `${indent}    "${piece}"\n`).join("")}${indent})\n`;
}
