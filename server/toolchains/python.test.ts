import { afterEach, beforeAll, describe, expect, it } from "vitest";
import { makeWorkspace, type TestWorkspace, toolchainDir } from "@/tests/support/toolchain";
import { pythonToolchain as python } from "./python";
import { compareTestIds } from "./test-ids";

// The first run on a machine installs the packages.
beforeAll(() => toolchainDir(), 300_000);

let workspace: TestWorkspace | null = null;
afterEach(() => workspace?.remove());

function make(content: Record<string, string>): TestWorkspace {
  workspace = makeWorkspace(content);
  return workspace;
}

async function testAll(place: TestWorkspace) {
  const files = place.files();
  const report = python.parseTests(await place.run(python.test(files, place.readText)));
  const listed = python.parseCollected(await place.run(python.collect(files, place.readText)));
  return { report, listed };
}

const CALC = "def add(a, b):\n    return a + b\n";
const UNITTEST = `import unittest

from calc import add


class AddTest(unittest.TestCase):
    def test_sum(self):
        self.assertEqual(add(1, 2), 3)

    def test_wrong(self):
        self.assertEqual(add(1, 2), 4)

    @unittest.skip("not now")
    def test_later(self):
        pass

    def test_parts(self):
        for number in (1, 2, 3):
            with self.subTest(number=number):
                self.assertNotEqual(number, 2)

    def test_crash(self):
        raise RuntimeError("boom")
`;

describe("ruff", () => {
  it("reports problems by our settings where the project has none", async () => {
    const place = make({
      "calc.py": "import os\nimport json\n\n\ndef f():\n    return json\n",
      "README.md": "",
    });
    const report = python.parseLint(await place.run(python.lint(place.files())));
    expect(report.unreadable).toBeNull();
    expect(report.tool).toMatch(/^ruff \d/);
    expect(
      report.problems.map(({ file, line, rule, severity }) => `${file}:${line} ${rule} ${severity}`),
    ).toEqual(["calc.py:1 I001 error", "calc.py:1 F401 error"]);
  });

  it("is clean on clean files and knows the workspace's own modules", async () => {
    const place = make({
      "shop/__init__.py": "from .store import Store\n",
      "shop/store.py": "class Store:\n    pass\n",
      "tests/test_store.py": "import unittest\n\nfrom shop import Store\n\nunittest.Store = Store\n",
    });
    const report = python.parseLint(await place.run(python.lint(place.files())));
    expect(report).toMatchObject({ problems: [], unreadable: null });
  });

  it("follows the project's settings, its excludes and its per-file ignores", async () => {
    const place = make({
      "pyproject.toml":
        '[tool.ruff]\nextend-exclude = ["gen"]\n[tool.ruff.lint]\nselect = ["F"]\n[tool.ruff.lint.per-file-ignores]\n"scripts/*" = ["F401"]\n',
      "gen/a.py": "import os\n",
      "scripts/b.py": "import os\n",
      "c.py": "import os\nimport json\nprint(json, undefined_name)\n",
    });
    const report = python.parseLint(await place.run(python.lint(place.files())));
    expect(report.problems.map(({ file, rule }) => `${file} ${rule}`)).toEqual([
      "c.py F401",
      "c.py F821",
      "pyproject.toml fabrica/config",
    ]);
  });

  it("says so when the project's settings cannot be read", async () => {
    const place = make({ "ruff.toml": 'line-length = "wide"\n', "a.py": "x = 1\n" });
    const report = python.parseLint(await place.run(python.lint(place.files())));
    expect(report.unreadable).toContain("settings");
  });

  it("refuses settings that leave out every file", async () => {
    const place = make({ "ruff.toml": 'exclude = ["*.py"]\n', "a.py": "import os\n" });
    const report = python.parseLint(await place.run(python.lint(place.files())));
    expect(report.unreadable).toContain("leave every file unchecked");
  });

  it("reports a syntax error as a problem", async () => {
    const place = make({ "a.py": "def f(:\n    pass\n" });
    const report = python.parseLint(await place.run(python.lint(place.files())));
    expect(report.problems[0]).toMatchObject({ file: "a.py", line: 1, severity: "error" });
  });
});

describe("unittest", () => {
  it("reports every outcome under the ids that the collector lists", async () => {
    const place = make({ "calc.py": CALC, "tests/test_calc.py": UNITTEST });
    const { report, listed } = await testAll(place);
    expect(report.unreadable).toBeNull();
    const outcomes = Object.fromEntries(
      report.tests.map((test) => [test.id.split("::").pop(), test.outcome]),
    );
    expect(outcomes).toEqual({
      test_sum: "passed",
      test_wrong: "failed",
      test_later: "skipped",
      test_parts: "failed",
      test_crash: "error",
    });
    expect(report.tests.find((test) => test.id.endsWith("test_wrong"))?.message).toContain("3 != 4");
    expect(listed.unreadable).toBeNull();
    expect(listed.ids).toContain("tests/test_calc.py::AddTest::test_sum");
    expect(
      compareTestIds(
        listed.ids,
        report.tests.map((test) => test.id),
      ),
    ).toEqual({ missing: [], unexpected: [] });
  });

  it("reports a file that cannot be imported, and lists nothing as if all were well", async () => {
    const place = make({ "test_a.py": "import unittest\nimport nowhere\n" });
    const { report, listed } = await testAll(place);
    expect(report.tests).toMatchObject([{ id: "test_a.py", outcome: "error" }]);
    expect(report.tests[0]?.message).toContain("No module named 'nowhere'");
    expect(listed.unreadable).toContain("cannot be imported");
  });

  it("reports a failing class fixture", async () => {
    const place = make({
      "test_a.py":
        "import unittest\n\n\nclass T(unittest.TestCase):\n    @classmethod\n    def setUpClass(cls):\n        raise OSError('no')\n\n    def test_x(self):\n        pass\n",
    });
    const { report, listed } = await testAll(place);
    expect(report.tests).toMatchObject([{ id: "test_a.py::T::setUpClass", outcome: "error" }]);
    expect(listed.ids).toEqual(["test_a.py::T::test_x"]);
  });

  it("tells a run that was cut off from a run that passed", async () => {
    const place = make({
      "test_a.py":
        "import os\nimport unittest\n\n\nclass T(unittest.TestCase):\n    def test_x(self):\n        os._exit(0)\n",
    });
    const { report } = await testAll(place);
    expect(report.unreadable).toContain("cut off while test_a.py::T::test_x was running");
  });

  it("names a thread that the tests left running", async () => {
    const place = make({
      "test_a.py":
        "import threading\nimport time\nimport unittest\n\n\nclass T(unittest.TestCase):\n    def test_x(self):\n        threading.Thread(target=time.sleep, args=(600,), name='server').start()\n",
    });
    const { report } = await testAll(place);
    expect(report.tests).toMatchObject([{ outcome: "passed" }]);
    expect(report.unreadable).toContain("left a thread running (server)");
  });

  it("runs packages, same names in several folders, and several projects", async () => {
    const test = (module: string) =>
      `import unittest\n\nfrom ${module} import NAME\n\n\nclass T(unittest.TestCase):\n    def test_name(self):\n        self.assertTrue(NAME)\n`;
    const place = make({
      "one/pyproject.toml": "",
      "one/core.py": "NAME = 'one'\n",
      "one/tests/__init__.py": "",
      "one/tests/test_core.py": test("core"),
      "two/requirements.txt": "",
      "two/core.py": "NAME = 'two'\n",
      "two/a/test_core.py": test("core"),
      "two/b/test_core.py": test("core"),
    });
    const { report, listed } = await testAll(place);
    expect(report.unreadable).toBeNull();
    const ids = report.tests.map((one) => `${one.id} ${one.outcome}`);
    expect(ids).toEqual([
      "one/tests/test_core.py::T::test_name passed",
      "two/a/test_core.py::T::test_name passed",
      "two/b/test_core.py::T::test_name passed",
    ]);
    expect(
      compareTestIds(
        listed.ids,
        report.tests.map((one) => one.id),
      ),
    ).toEqual({ missing: [], unexpected: [] });
  });

  it("has no command without tests", () => {
    expect(python.test(["a.py", "node_modules/x/test_y.py"], () => "")).toBeNull();
  });

  it("fails its canary under the announced id", async () => {
    const place = make({ "calc.py": CALC, "tests/test_calc.py": UNITTEST });
    const canary = python.canary(place.files(), place.readText, "k3v9");
    place.write(canary.path, canary.content);
    const { report, listed } = await testAll(place);
    expect(report.tests.find((test) => test.id === canary.id)?.outcome).toBe("failed");
    expect(listed.ids).toContain(canary.id);
  });
});

const PYTEST = `import pytest

from calc import add


def test_sum():
    assert add(1, 2) == 3


@pytest.mark.parametrize("a,b", [(1, 1), (2, 3)])
def test_pairs(a, b):
    assert a == b


@pytest.fixture
def broken():
    raise RuntimeError("no fixture")


class TestMore:
    def test_uses(self, broken):
        pass

    @pytest.mark.skip(reason="later")
    def test_skipped(self):
        pass

    @pytest.mark.xfail
    def test_expected(self):
        assert False
`;

describe("pytest", () => {
  const files = {
    "calc.py": CALC,
    "tests/test_calc.py": PYTEST,
    "pytest.ini": "[pytest]\naddopts = --cov -k sum\n",
  };

  it("reports by node id where pytest is installed, and says what is missing where it is not", async () => {
    const place = make(files);
    const probe = await place.run(python.probe());
    const hasPytest = JSON.parse(probe.stdout).pytest !== null;
    const { report, listed } = await testAll(place);
    if (!hasPytest) {
      expect(report.unreadable).toContain("pytest is not installed");
      return;
    }
    expect(report.unreadable).toBeNull();
    expect(report.tests.map((test) => `${test.id.split("test_calc.py::")[1]} ${test.outcome}`)).toEqual([
      "test_sum passed",
      "test_pairs[1-1] passed",
      "test_pairs[2-3] failed",
      "TestMore::test_uses error",
      "TestMore::test_skipped skipped",
      "TestMore::test_expected passed",
    ]);
    const ran = report.tests.map((test) => test.id);
    expect(compareTestIds(listed.ids, ran)).toEqual({ missing: [], unexpected: [] });
  });

  it("never passes pytest's tests over where pytest is missing", async () => {
    const place = make(files);
    const command = python.test(place.files(), place.readText);
    // -S leaves out installed packages.
    command?.argv.splice(1, 0, "-S");
    const report = python.parseTests(await place.run(command));
    expect(report.unreadable).toContain("pytest is not installed");
  });

  it("runs TestCase classes of a pytest project with unittest where pytest is missing", async () => {
    const place = make({ "conftest.py": "", "calc.py": CALC, "tests/test_calc.py": UNITTEST });
    const command = python.test(place.files(), place.readText);
    command?.argv.splice(1, 0, "-S");
    const report = python.parseTests(await place.run(command));
    expect(report.unreadable).toBeNull();
    expect(report.tests).toHaveLength(5);
  });
});
