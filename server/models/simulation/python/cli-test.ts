// Tests of a Python command line tool: they start it as a user would.
import { catalogued } from "../functions";
import { pascal } from "../names";
import type { Module, ResourceModule, SourceFile } from "../project";
import { mainField, recordOptions } from "../samples";
import { pythonLiteral } from "./base";

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

/** Helper and tests of the skeleton. */
export const PYTHON_CLI_TEST_BASE: SourceFile[] = [
  { path: "tests/__init__.py", content: "" },
  { path: "tests/tool.py", content: TOOL },
  { path: "tests/test_tool.py", content: TOOL_TEST },
];

const command = (name: string) => name.replaceAll("_", "-");

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
