// A Python command line tool: commands over the behaviour of core.ts.
import { catalogued } from "../functions";
import { pascal, sentence } from "../names";
import type { Module, Project, ResourceModule, SourceFile } from "../project";
import { forSource } from "../text";
import { pythonBase, pythonImport, pythonImports } from "./base";
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
