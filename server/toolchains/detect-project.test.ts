import { describe, expect, test } from "vitest";
import { detectProject } from "./detect-project";
import { detectionFiles } from "./telling-files";

/** A repository as its paths and texts. */
function detect(files: Record<string, string>, folder = "") {
  const paths = Object.keys(files);
  // Only what is asked for beforehand can be read, as where the texts come out of a mirror.
  const asked = new Set(detectionFiles(paths, folder));
  return detectProject(paths, (path) => (asked.has(path) ? (files[path] ?? null) : null), folder);
}
const manifest = (fields: object) => JSON.stringify({ name: "x", version: "1.0.0", ...fields });
const NODE_TEST = 'import test from "node:test";\ntest("a", () => {});\n';

describe("a Node project", () => {
  const withTest = (script: string, more: object = {}) =>
    detect({
      "package.json": manifest({ scripts: { test: script }, devDependencies: { x: "1" }, ...more }),
      "package-lock.json": "{}",
      "index.js": "",
      "test/a.test.js": NODE_TEST,
    });

  test("with a lock file and a runner that the toolchain knows", () =>
    expect(withTest("node --test")).toEqual({
      tech_stack: ["node"],
      setup_command: "npm ci --ignore-scripts --no-audit --no-fund",
      lint_command: null,
      test_command: null,
      has_config: false,
      notes: [],
    }));

  test.each([
    ["jest --coverage", null],
    ["vitest run", null],
    ["tsc && node --import tsx --test", null],
    ["NODE_ENV=test npx --no-install jest", null],
    ["eslint . && nyc --reporter=lcov mocha --recursive", "npm test"],
    ["tape 'test/**/*.js' | tap-spec", "npm test"],
    ["c8 ava", "npm test"],
    ["node ./node_modules/mocha/bin/_mocha", "npm test"],
    ["node test/index.js", "npm test"],
    ["make test", "npm test"],
    ["jest && mocha", "npm test"],
    ["eslint .", null],
    ['echo "Error: no test specified" && exit 1', null],
  ])("with the test script %s", (script, command) => expect(withTest(script).test_command).toBe(command));

  test("whose test script calls others", () => {
    const scripts = (test: string) => ({
      scripts: { test, lint: "standard", unit: "mocha", "unit:j": "jest" },
    });
    expect(withTest("", scripts("npm run lint && npm run unit")).test_command).toBe("npm test");
    expect(withTest("", scripts("run-s lint unit:j")).test_command).toBeNull();
    expect(withTest("", scripts("yarn unit:j --ci")).test_command).toBeNull();
    expect(withTest("", scripts("npm test")).test_command).toBeNull();
  });

  test("that builds before its tests says so", () => {
    const found = withTest("", { scripts: { pretest: "npm run build", build: "rollup -c", test: "jest" } });
    expect(found.test_command).toBeNull();
    expect(found.notes.join()).toContain("builds first");
  });

  test("with another linter than eslint", () => {
    expect(withTest("", { scripts: { lint: "standard" } }).lint_command).toBe("npm run lint");
    expect(withTest("", { scripts: { lint: "eslint . && biome check" } }).lint_command).toBeNull();
  });

  test("with other package managers", () => {
    const setup = (files: Record<string, string>, more: object = {}) =>
      detect({ "package.json": manifest({ dependencies: { express: "4" }, ...more }), ...files });
    expect(setup({ "yarn.lock": "# yarn lockfile v1\n" }).setup_command).toMatch(/^npx --yes yarn@1 install/);
    expect(setup({ "yarn.lock": "__metadata:\n" }).setup_command).toContain("@yarnpkg/cli-dist@4");
    expect(setup({ "pnpm-lock.yaml": "" }, { packageManager: "pnpm@8.6.0+sha256.ab" }).setup_command).toMatch(
      /^npx --yes pnpm@8\.6\.0 install --frozen-lockfile --ignore-scripts$/,
    );
    expect(setup({ "bun.lock": "" })).toMatchObject({
      setup_command: expect.stringMatching(/^npm install --ignore-scripts/),
      notes: [expect.stringContaining("Bun"), expect.stringContaining("No tests")],
    });
    const both = setup({ "package-lock.json": "", "yarn.lock": "" });
    expect(both.setup_command).toMatch(/^npm ci/);
    expect(both.notes[0]).toBe("There are lock files of npm and yarn; npm is proposed.");
    expect(setup({}).notes[0]).toContain("no lock file");
    expect(setup({}).tech_stack).toEqual(["node", "express"]);
  });

  test("with types beside its JavaScript is no TypeScript", () => {
    const stack = (name: string) =>
      detect({ "package.json": manifest({}), "a.js": "", [name]: "" }).tech_stack;
    expect([stack("a.d.ts"), stack("a.ts")]).toEqual([["node"], ["typescript"]]);
  });

  test("without dependencies needs no setup", () =>
    expect(detect({ "package.json": manifest({}), "a.test.js": NODE_TEST }).setup_command).toBeNull());

  test("whose package.json is broken", () => {
    for (const text of ["{", "[]", "null", '"x"', ""])
      expect(detect({ "package.json": text, "a.test.js": NODE_TEST }).notes).toEqual([
        "package.json cannot be read, so nothing is proposed from it.",
      ]);
    const odd = { scripts: { test: 7, lint: null }, dependencies: "x", workspaces: false };
    expect(detect({ "package.json": manifest(odd) }).test_command).toBeNull();
  });

  test("that is a member of a workspace above it", () => {
    const found = detect(
      {
        "package.json": manifest({ workspaces: ["packages/*"] }),
        "package-lock.json": "",
        "packages/a/package.json": manifest({ dependencies: { x: "1" } }),
        "packages/a/a.test.js": NODE_TEST,
      },
      "packages/a",
    );
    expect(found.setup_command).toMatch(/^cd \.\.\/\.\. && npm ci /);
  });
});

describe("a Python project", () => {
  const UNIT = "import unittest\n";
  const tests = { "tests/test_a.py": UNIT };

  test("with lists of requirements", () =>
    expect(
      detect({ "requirements.txt": "flask\n", "requirements-dev.txt": "pytest", "app.py": "", ...tests }),
    ).toEqual({
      tech_stack: ["python", "flask", "pytest"],
      setup_command: "python3 -m pip install -r requirements.txt -r requirements-dev.txt",
      lint_command: null,
      test_command: null,
      has_config: false,
      notes: [],
    }));

  test.each([
    ["[project]\nname = 'a'\ndependencies = []\n", {}, null],
    ["[project]\nname = 'a'\ndependencies = [\n  'attrs',\n]\n", {}, "-e ."],
    ["[project]\nname = 'a'\n", { "src/a/__init__.py": "" }, "-e ."],
    ["[project.optional-dependencies]\ntest = ['x']\ndev = ['y']\n[project]\n", {}, "-e '.[test]'"],
    ["[build-system]\n[tool.poetry.dependencies]\npython = '^3.9'\n", {}, null],
    ["[build-system]\n[tool.poetry.dependencies]\npython = '^3.9'\nattrs = '*'\n", {}, "-e ."],
    ["[tool.black]\n", {}, null],
  ])("with the pyproject.toml %j", (pyproject, more, argument) =>
    expect(
      detect({ "pyproject.toml": pyproject, "a/__init__.py": "", ...tests, ...more }).setup_command,
    ).toBe(argument === null ? null : `python3 -m pip install ${argument}`),
  );

  test("with a setup.py, which is read and not run", () => {
    const setup = (text: string) => detect({ "setup.py": text, "a.py": "", ...tests }).setup_command;
    expect(setup("from setuptools import setup\nsetup(name='a')\n")).toBeNull();
    expect(setup("setup(install_requires=['x'])")).toBe("python3 -m pip install -e .");
    expect(setup("setup(extras_require={'test': ['x']})")).toBe("python3 -m pip install -e '.[test]'");
  });

  test("with a lock file of its own", () => {
    expect(detect({ "uv.lock": "", "pyproject.toml": "[project]", ...tests }).setup_command).toContain(
      "uv export",
    );
    const both = detect({ "poetry.lock": "", "Pipfile.lock": "", "pyproject.toml": "", ...tests });
    expect(both.setup_command).toContain("poetry install");
    expect(both.notes[0]).toBe("There are lock files of poetry and pipenv; poetry is proposed.");
  });

  test("of Django, with its own runner", () => {
    const files = { "manage.py": "", "shop/tests.py": "", "requirements.txt": "Django>=4" };
    expect(detect(files)).toMatchObject({
      tech_stack: ["python", "django"],
      test_command: "python3 manage.py test",
    });
    expect(detect({ ...files, "pytest.ini": "" }).test_command).toBeNull();
  });

  test("with another linter, and groups of dependencies", () => {
    const pyproject = "[project]\n[dependency-groups]\ntest = ['x']\n";
    const { notes } = detect({
      "setup.cfg": "[flake8]\nmax-line-length = 99\n",
      "pyproject.toml": pyproject,
      ...tests,
    });
    expect(notes).toEqual([
      "flake8 is set up here; Fabrica checks with ruff unless a lint command is named.",
      "pyproject.toml has dependency groups (test); name a setup command to install them.",
    ]);
  });
});

describe("a repository", () => {
  test("of both languages is set up for both", () => {
    const found = detect({
      "package.json": manifest({ scripts: { test: "mocha" }, devDependencies: { mocha: "1" } }),
      "package-lock.json": "",
      "requirements.txt": "x",
      "a.py": "",
      "b.py": "",
      "test_a.py": "import pytest",
      "index.js": "",
    });
    expect(found.tech_stack).toEqual(["python", "node"]);
    expect(found.setup_command).toBe(
      "python3 -m pip install -r requirements.txt && npm ci --ignore-scripts --no-audit --no-fund",
    );
    expect(found.notes).toEqual([
      "With npm test as the test command, only the tests that it runs are looked at.",
    ]);
  });

  test("with a few scripts of another language is not of that language", () => {
    const files = Object.fromEntries(Array.from({ length: 20 }, (_, i) => [`a${i}.py`, ""]));
    expect(detect({ ...files, "docs/theme.js": "" }).tech_stack).toEqual(["python"]);
  });

  test("with submodules and large files says that they are left alone", () =>
    expect(
      detect({ ".gitmodules": "", "a/.gitattributes": "*.bin filter=lfs diff=lfs", "a.test.js": NODE_TEST })
        .notes,
    ).toEqual([
      "Submodules are left alone: their folders stay empty.",
      "Files in Git LFS are left alone: there is only their pointer.",
    ]));

  test("without code, and an empty folder", () => {
    expect(detect({ "README.md": "" }).notes[0]).toContain("neither Python nor JavaScript");
    expect(detect({ "a/README.md": "" }, "b").notes).toEqual(["There are no files in this folder."]);
    expect(detect({})).toMatchObject({ tech_stack: [], setup_command: null, test_command: null });
  });

  test("with make for its tests", () => {
    const rule = (text: string) => detect({ Makefile: text, "a.py": "" }).test_command;
    expect(rule("all:\n\ntest: all\n\tsh run.sh\n")).toBe("make test");
    expect(rule("check:\n")).toBe("make check");
    expect(rule("test := x\ntests:\n")).toBeNull();
    expect(detect({ Makefile: "test:\n", "test_a.py": "import unittest" }).test_command).toBeNull();
  });

  test("with everything in folders asks for a folder", () =>
    expect(
      detect({ "web/package.json": manifest({}), "api/setup.py": "", "api/a.py": "" }).notes.join(),
    ).toContain("The manifests lie in web, api"));

  test("that brings its own settings", () => {
    expect(detect({ "fabrica.json": "{", "a/x.py": "" }, "a").has_config).toBe(true);
    expect(detect({ "a/fabrica.json": "{", "a/x.py": "" }, "a").has_config).toBe(true);
    expect(detect({ "a/fabrica.json": "{", "b.py": "" }).has_config).toBe(false);
  });
});
