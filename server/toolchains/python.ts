// The Python toolchain: ruff for lint, unittest or pytest for tests, by what the project uses.
// Test files are those that both runners find by default: test_*.py and *_test.py.
import { parseLintReport } from "./lint-report";
import { type Canary, type FileList, TOOLCHAIN_DIR, type ToolCommand, type ToolchainAdapter } from "./port";
import { parseCollectedReport, parseTestReport } from "./test-report";
import {
  folderOf,
  groupArguments,
  nameOf,
  ownFiles,
  projectFolder,
  type TestGroup,
  within,
} from "./workspace-files";

const LINT_REPORT = "/tmp/fabrica-lint-python.json";
const TEST_REPORT = "/tmp/fabrica-tests-python.jsonl";
const COLLECT_REPORT = "/tmp/fabrica-collect-python.jsonl";
const PROJECT_MARKERS = [
  "pyproject.toml",
  "setup.py",
  "setup.cfg",
  "requirements.txt",
  "pytest.ini",
  "tox.ini",
  "manage.py",
];
const TEST_FILE = /^(?:test_.*|.*_test)\.py$/;
/** Bytecode must not land in the workspace. */
const ENV = { PYTHONDONTWRITEBYTECODE: "1", PYTHONUNBUFFERED: "1", PYTHONUTF8: "1" };

type ReadText = (path: string) => string | null;
type Runner = "unittest" | "pytest" | "either";

/** Tests that only pytest can run: plain functions, fixtures, or classes that are no TestCase. */
function needsPytest(source: string): boolean {
  // Written so that no blanks can be read in two ways: a file may have a million of them.
  if (/^[ \t]*(?:import pytest|from pytest\b)/m.test(source)) return true;
  if (/^(?:async )?def test_/m.test(source)) return true;
  return /^class Test\w*(?:\(\s*(?:object\s*)?\))?:/m.test(source);
}

/** The runner for the tests below one project folder. */
function runnerFor(dir: string, tests: string[], files: FileList, readText: ReadText): Runner {
  if (tests.some((file) => needsPytest(readText(file) ?? ""))) return "pytest";
  const below = (file: string) => dir === "." || file.startsWith(`${dir}/`);
  if (files.some((file) => below(file) && nameOf(file) === "conftest.py")) return "either";
  const configured =
    files.includes(within(dir, "pytest.ini")) ||
    /^\[tool\.pytest/m.test(readText(within(dir, "pyproject.toml")) ?? "") ||
    /^\[tool:pytest\]/m.test(readText(within(dir, "setup.cfg")) ?? "");
  return configured ? "either" : "unittest";
}

function testGroups(files: FileList, readText: ReadText): TestGroup[] {
  const all = ownFiles(files);
  const known = new Set(all);
  const byFolder = new Map<string, string[]>();
  for (const file of all.filter((one) => TEST_FILE.test(nameOf(one))).sort()) {
    const dir = projectFolder(file, known, PROJECT_MARKERS);
    const there = byFolder.get(dir);
    if (there) there.push(file);
    else byFolder.set(dir, [file]);
  }
  return [...byFolder].map(([dir, tests]) => ({
    dir,
    runner: runnerFor(dir, tests, all, readText),
    files: tests,
  }));
}

function testCommand(
  mode: "run" | "collect",
  report: string,
  timeoutMs: number,
  groups: TestGroup[],
): ToolCommand | null {
  if (groups.length === 0) return null;
  const program = `${TOOLCHAIN_DIR}/bin/python_tests.py`;
  const argv = ["python3", "-B", program, mode, "--report", report, ...groupArguments(groups)];
  return { argv, env: ENV, timeoutMs, report };
}

/** A TestCase, because both runners take it and give it the same id. */
function canaryFor(files: FileList, readText: ReadText, token: string): Canary {
  const first = testGroups(files, readText)[0]?.files[0];
  const folder = first ? folderOf(first) : "tests";
  const path = within(folder, `test_canary_${token}.py`);
  const content = [
    "import unittest",
    "",
    "",
    `class Canary${token}(unittest.TestCase):`,
    `    def test_${token}(self):`,
    `        self.assertEqual("${token}", "must fail")`,
    "",
  ].join("\n");
  return { path, content, id: `${path}::Canary${token}::test_${token}` };
}

/** Python with ruff, unittest and pytest. */
export const pythonToolchain: ToolchainAdapter = {
  name: "python",
  applies: (files) => ownFiles(files).some((file) => file.endsWith(".py")),
  probe: () => ({
    argv: ["python3", "-B", `${TOOLCHAIN_DIR}/bin/python_versions.py`],
    env: ENV,
    timeoutMs: 20_000,
    report: null,
  }),
  lint: (files) =>
    ownFiles(files).some((file) => /\.pyi?$/.test(file))
      ? {
          argv: ["node", `${TOOLCHAIN_DIR}/bin/ruff.mjs`, "--report", LINT_REPORT],
          env: {},
          timeoutMs: 120_000,
          report: LINT_REPORT,
        }
      : null,
  parseLint: (output) => parseLintReport("ruff", output),
  test: (files, readText) => testCommand("run", TEST_REPORT, 300_000, testGroups(files, readText)),
  parseTests: (output) => parseTestReport("python tests", output),
  collect: (files, readText) => testCommand("collect", COLLECT_REPORT, 120_000, testGroups(files, readText)),
  parseCollected: (output) => parseCollectedReport("python tests", output),
  canary: canaryFor,
};
