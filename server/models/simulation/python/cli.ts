// A Python command line tool: commands over the behaviour of core.ts, and tests that start the tool as a user would.
import { catalogued } from "../functions";
import { pascal, sentence } from "../names";
import type { Module, Project, ResourceModule, SourceFile } from "../project";
import { mainField, recordOptions } from "../samples";
import { forSource } from "../text";
import { pythonBase, pythonImport, pythonImports, pythonLiteral } from "./base";
import type { PythonPlace } from "./core";

export const CLI_PLACE: PythonPlace = { top: "app", features: "app.features" };

const MAIN = `"""The command line: python3 -m app [--file FILE] COMMAND ..."""

import argparse
import json
import sys

from app.errors import AppError
from app.registry import COMMANDS
from app.store import Store


def build_parser():
    parser = argparse.ArgumentParser(prog="app")
    parser.add_argument("--file", default="data.json", help="JSON file that keeps the records")
    commands = parser.add_subparsers(title="commands", required=True)
    for command in COMMANDS:
        command.add_to(commands)
    return parser


def main(arguments=None):
    """Run one command and return the exit code: 0 done, 1 refused, 2 wrong usage."""
    options = build_parser().parse_args(arguments)
    try:
        result = options.run(Store(options.file), options)
    except AppError as error:
        print(error.message, file=sys.stderr)
        for name, problem in error.details.items():
            print(f"  {name} {problem}", file=sys.stderr)
        return 1
    print(json.dumps(result, indent=2, ensure_ascii=False))
    return 0


if __name__ == "__main__":
    sys.exit(main())
`;

const OPTIONS = `"""Command line options for declared fields."""

import argparse


def add_fields(parser, fields):
    """Give the parser one option for each field."""
    for name, field in fields.items():
        flag, place = f"--{name}", f"field_{name}"
        if field.type is bool:
            parser.add_argument(flag, dest=place, action=argparse.BooleanOptionalAction)
        else:
            parser.add_argument(flag, dest=place, type=field.type)


def given(options, fields):
    """Return the fields that were given on the command line."""
    values = {name: getattr(options, f"field_{name}") for name in fields}
    return {name: value for name, value in values.items() if value is not None}
`;

const TOOL = `"""Starts the tool the way a user does, with a file of its own for each test."""

import json
import subprocess
import sys
import tempfile
import unittest
from pathlib import Path

ROOT = Path(__file__).parent.parent


class ToolTestCase(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.file = str(Path(folder.name) / "data.json")

    def run_tool(self, *arguments):
        """Return the exit code and the output: parsed when it went well, else the complaint."""
        command = [sys.executable, "-m", "app", "--file", self.file, *arguments]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", timeout=30)
        return done.returncode, json.loads(done.stdout) if done.returncode == 0 else done.stderr
`;

const TOOL_TEST = `from tests.tool import ToolTestCase


class ToolTest(ToolTestCase):
    def test_no_command_is_wrong_usage(self):
        code, complaint = self.run_tool()
        self.assertEqual(code, 2)
        self.assertIn("usage", complaint)

    def test_unknown_command(self):
        self.assertEqual(self.run_tool("nonsense")[0], 2)
`;

/** Everything of the tool that no single feature owns. */
export function pythonCliSkeleton(project: Project): SourceFile[] {
  return [
    { path: "app/__init__.py", content: `"""${forSource(project.title)}."""\n` },
    { path: "app/__main__.py", content: MAIN },
    ...pythonBase("app"),
    { path: "app/options.py", content: OPTIONS },
    {
      path: "app/features/__init__.py",
      content: '"""What the tool can do, apart from the command line."""\n',
    },
    { path: "app/commands/__init__.py", content: '"""One module for each command."""\n' },
  ];
}

/** The list of commands after some tasks. */
export function pythonCommandRegistry(names: readonly string[]): SourceFile {
  const list = `COMMANDS = [\n${names.map((name) => `    ${name},\n`).join("")}]`;
  return {
    path: "app/registry.py",
    content: `"""The commands of the tool, in the order in which they were added."""\n\n${pythonImport("app.commands", names)}\n\n${list}\n`,
  };
}

/** Helper and tests of the skeleton. */
export const PYTHON_CLI_TEST_BASE: SourceFile[] = [
  { path: "tests/__init__.py", content: "" },
  { path: "tests/tool.py", content: TOOL },
  { path: "tests/test_tool.py", content: TOOL_TEST },
];

const command = (name: string) => name.replaceAll("_", "-");

/** The command for what a task adds. */
export function pythonCommand(module: Module): SourceFile {
  return { path: `app/commands/${module.name}.py`, content: commandText(module) };
}

function commandText(module: Module): string {
  const head = `"""The command ${command(module.name)}."""\n\n`;
  switch (module.shape) {
    case "resource":
      return head + resourceCommand(module);
    case "search":
      return `${head}${pythonImports(`from app.features.${module.resource.name} import ${pascal(module.resource.name)}`, `from app.features.${module.name} import search`)}

def add_to(commands):
    parser = commands.add_parser("${command(module.name)}", help="find records by text")
    parser.add_argument("text", nargs="?", default="")
    parser.add_argument("--sort", default="id", help='a field; "-" before it turns the order round')
    parser.add_argument("--limit", type=int, default=20)
    parser.set_defaults(run=run)


def run(store, options):
    return search(${pascal(module.resource.name)}(store), options.text, options.sort, options.limit)
`;
    case "summary":
      return `${head}${pythonImports(`from app.features.${module.resource.name} import ${pascal(module.resource.name)}`, `from app.features.${module.name} import summarise`)}

def add_to(commands):
    parser = commands.add_parser("${command(module.name)}", help="count and sum up")
    parser.set_defaults(run=run)


def run(store, options):
    return summarise(${pascal(module.resource.name)}(store))
`;
    case "action":
      return `${head}${pythonImports(`from app.features.${module.resource.name} import ${pascal(module.resource.name)}`, `from app.features.${module.name} import mark, unmark`)}

def add_to(commands):
    parser = commands.add_parser("${command(module.name)}", help="note a step of a record")
    parser.add_argument("id")
    parser.add_argument("--undo", action="store_true", help="take the step back")
    parser.set_defaults(run=run)


def run(store, options):
    step = unmark if options.undo else mark
    return step(${pascal(module.resource.name)}(store), options.id)
`;
    case "function": {
      const { id, params } = catalogued(module.id);
      const types = { text: "str", integer: "int", number: "float" };
      return `${head}from app.features.${module.name} import ${id}


def add_to(commands):
    parser = commands.add_parser("${command(module.name)}")
${params.map(({ name, type }) => `    parser.add_argument("${name}", type=${types[type]})\n`).join("")}    parser.set_defaults(run=run)


def run(store, options):
    return ${id}(${params.map(({ name }) => `options.${name}`).join(", ")})
`;
    }
    default:
      return head;
  }
}

function resourceCommand(resource: ResourceModule): string {
  const name = pascal(resource.name);
  return `from app.features.${resource.name} import FIELDS, ${name}
from app.options import add_fields, given


def add_to(commands):
    parser = commands.add_parser("${command(resource.name)}", help="${sentence(forSource(resource.title, 40).replaceAll("%", ""))}")
    steps = parser.add_subparsers(title="steps", required=True)
    for name, run in (("add", add), ("list", list_all), ("update", update)):
        step = steps.add_parser(name)
        if name == "update":
            step.add_argument("id")
        add_fields(step, FIELDS)
        step.set_defaults(run=run)
    for name, run in (("show", show), ("remove", remove)):
        step = steps.add_parser(name)
        step.add_argument("id")
        step.set_defaults(run=run)


def add(store, options):
    return ${name}(store).add(given(options, FIELDS))


def list_all(store, options):
    return ${name}(store).all(**given(options, FIELDS))


def show(store, options):
    return ${name}(store).get(options.id)


def update(store, options):
    return ${name}(store).update(options.id, given(options, FIELDS))


def remove(store, options):
    return ${name}(store).remove(options.id)
`.replace(/import FIELDS, (\w+)/, (whole, pascalName: string) =>
    pascalName === "FIELDS" ? "import FIELDS" : whole,
  );
}

/** Tests that start the tool. */
export function pythonCommandTest(module: Module): SourceFile[] {
  const path = `tests/test_${module.name}.py`;
  const head = `from tests.tool import ToolTestCase\n\n`;
  const content = testText(module);
  return content ? [{ path, content: head + content }] : [];
}

function constants(resource: ResourceModule, count: number): string {
  return ["FIRST", "SECOND"]
    .slice(0, count)
    .map(
      (name, index) =>
        `${name} = [\n${recordOptions(resource, index + 1)
          .map((option) => `    ${JSON.stringify(option)},\n`)
          .join("")}]\n`,
    )
    .join("");
}

function testText(module: Module): string | null {
  const name = command(module.name);
  const className = `${pascal(module.name)}Test`;
  const lead = (resource: ResourceModule, count: number) => `${constants(resource, count)}

class ${className}(ToolTestCase):
`;
  switch (module.shape) {
    case "resource":
      return `${lead(module, 2)}${resourceTest(module)}`;
    case "search": {
      const main = mainField(module.resource);
      const term = main.type === "text" && !main.email ? `${main.name} 2` : "";
      const records = command(module.resource.name);
      return `${lead(module.resource, 2)}    def test_text_and_order(self):
        first = self.run_tool("${records}", "add", *FIRST)[1]
        second = self.run_tool("${records}", "add", *SECOND)[1]
        self.assertEqual(self.run_tool("${name}", "${term}"), (0, ${term ? "[second]" : "[first, second]"}))
        self.assertEqual(self.run_tool("${name}", "--sort=-id"), (0, [second, first]))
        self.assertEqual(self.run_tool("${name}", "nothing like this"), (0, []))

    def test_unknown_field(self):
        self.assertEqual(self.run_tool("${name}", "--sort", "nonsense")[0], 1)
`;
    }
    case "summary":
      return `${lead(module.resource, 1)}    def test_count(self):
        self.assertEqual(self.run_tool("${name}")[1]["count"], 0)
        self.run_tool("${command(module.resource.name)}", "add", *FIRST)
        self.assertEqual(self.run_tool("${name}")[1]["count"], 1)
`;
    case "action":
      return `${lead(module.resource, 1)}    def test_step_is_noted_once_and_taken_back(self):
        key = str(self.run_tool("${command(module.resource.name)}", "add", *FIRST)[1]["id"])
        self.assertTrue(self.run_tool("${name}", key)[1]["${module.verb}_at"])
        self.assertEqual(self.run_tool("${name}", key)[0], 1)
        self.assertIsNone(self.run_tool("${name}", key, "--undo")[1]["${module.verb}_at"])

    def test_unknown_record(self):
        self.assertEqual(self.run_tool("${name}", "999")[0], 1)
`;
    case "function": {
      const { examples } = catalogued(module.id);
      const call = (args: unknown[]) =>
        `self.run_tool("${name}", "--", ${args.map((one) => JSON.stringify(String(one))).join(", ")})`;
      const lines = examples.map(({ args, ...expected }) =>
        "result" in expected
          ? `        code, answer = ${call(args)}\n        self.assertEqual((code, answer), (0, ${pythonLiteral(expected.result)}))\n`
          : `        self.assertEqual(${call(args)}[0], 1)\n`,
      );
      return `
class ${className}(ToolTestCase):
    def test_examples(self):
${lines.join("")}`;
    }
    default:
      return null;
  }
}

function resourceTest(resource: ResourceModule): string {
  const name = command(resource.name);
  const main = mainField(resource);
  const required = resource.fields.find((field) => field.required);
  const numeric = resource.fields.find((field) => field.type === "integer" || field.type === "number");
  const text = main.type === "text" && !main.email;
  const differ = recordOptions(resource, 1).join() !== recordOptions(resource, 2).join();
  return `    def test_add_and_show(self):
        code, added = self.run_tool("${name}", "add", *FIRST)
        self.assertEqual(code, 0)
        self.assertEqual(self.run_tool("${name}", "show", str(added["id"])), (0, added))

    def test_list_and_filter(self):
        first = self.run_tool("${name}", "add", *FIRST)[1]
        second = self.run_tool("${name}", "add", *SECOND)[1]
        self.assertEqual(self.run_tool("${name}", "list"), (0, [first, second]))
        found = self.run_tool("${name}", "list", *SECOND)
        self.assertEqual(found, (0, ${differ ? "[second]" : "[first, second]"}))

    def test_update_and_remove(self):
        added = self.run_tool("${name}", "add", *FIRST)[1]
        key = str(added["id"])
${
  text
    ? `        code, changed = self.run_tool("${name}", "update", key, "--${main.name}", "changed")
        self.assertEqual((code, changed), (0, {**added, "${main.name}": "changed"}))
`
    : ""
}        self.assertEqual(self.run_tool("${name}", "remove", key)[0], 0)
        self.assertEqual(self.run_tool("${name}", "list"), (0, []))

    def test_unknown_record(self):
        for step in ("show", "remove", "update"):
            code, complaint = self.run_tool("${name}", step, "999")
            self.assertEqual(code, 1)
            self.assertIn("999", complaint)
${
  required
    ? `
    def test_required_field(self):
        code, complaint = self.run_tool("${name}", "add")
        self.assertEqual(code, 1)
        self.assertIn("${required.name} is required", complaint)
`
    : ""
}${
  numeric
    ? `
    def test_wrong_type(self):
        self.assertEqual(self.run_tool("${name}", "add", *FIRST, "--${numeric.name}", "many")[0], 2)
`
    : ""
}`;
}
