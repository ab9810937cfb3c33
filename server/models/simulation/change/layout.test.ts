import { describe, expect, it } from "vitest";
import { conventionsOf } from "./conventions";
import { layoutOf } from "./layout";

const job = { title: "Add slugify", description: "", features: [], stack: [], toolchains: [], context: null };

describe("where new files belong", () => {
  it.each([
    {
      name: "a library with lib and plain test names",
      files: [
        "package.json",
        "index.js",
        "lib/application.js",
        "lib/view.js",
        "test/app.all.js",
        "test/support/env.js",
        "examples/auth/index.js",
      ],
      sources: "lib/",
      tests: "test/",
      like: ["lib/application.js", "test/app.all.js"],
    },
    {
      name: "one module and its test",
      files: ["package.json", "index.js", "index.d.ts", "test.js", "readme.md"],
      sources: "",
      tests: "",
      like: ["index.js", "test.js"],
    },
    {
      name: "an application with tests in a folder of their own",
      files: [
        "package.json",
        "jest.config.js",
        "src/App.tsx",
        "src/api/client.ts",
        "src/__tests__/App.test.tsx",
        "e2e/login.spec.ts",
      ],
      sources: "src/",
      tests: "src/__tests__/",
      like: ["src/App.tsx", "src/__tests__/App.test.tsx"],
    },
    {
      name: "tests beside deep sources",
      files: [
        "package.json",
        "src/main.ts",
        "src/users/users.service.ts",
        "src/users/users.service.spec.ts",
        "test/app.e2e-spec.ts",
      ],
      sources: "src/",
      tests: "src/",
      like: ["src/main.ts", "src/users/users.service.spec.ts"],
    },
    {
      name: "a Python package in src",
      files: [
        "pyproject.toml",
        "src/click/__init__.py",
        "src/click/core.py",
        "tests/conftest.py",
        "tests/test_basic.py",
        "tests/typing/typing_x.py",
        "docs/conf.py",
      ],
      sources: "src/click/",
      tests: "tests/",
      dotted: "click.",
      like: ["src/click/core.py", "tests/test_basic.py"],
    },
    {
      name: "tests inside a Python package",
      files: [
        "setup.py",
        "shop/__init__.py",
        "shop/core.py",
        "shop/tests/__init__.py",
        "shop/tests/test_core.py",
        "tools/release.py",
      ],
      sources: "shop/",
      tests: "shop/tests/",
      dotted: "shop.",
      like: ["shop/core.py", "shop/tests/test_core.py"],
    },
    {
      name: "Python modules without a package",
      files: ["requirements.txt", "main.py", "orders.py", "orders_test.py"],
      sources: "",
      tests: "",
      dotted: "",
      like: ["orders.py", "orders_test.py"],
    },
    {
      name: "nothing yet",
      files: ["README.md"],
      sources: "",
      tests: "test/",
      like: [null, null],
    },
  ])("$name", ({ files, sources, tests, like, dotted = "" }) => {
    const layout = layoutOf(files, job, ["slugify"]);
    expect(layout).toMatchObject({ sources, tests, dotted });
    expect([layout.likeSource, layout.likeTest]).toEqual(like);
    const ending = layout.stack === "python" ? ".py" : ".js";
    const own = [`${sources}slugify${ending}`, `${tests}test_slugify${ending}`, `${sources}slugify_2.py`];
    const { testsExist: _, ...same } = layout;
    expect(layoutOf([...files, ...own], job, ["slugify"])).toMatchObject(files.length > 1 ? same : {});
  });
});

describe("how code is written", () => {
  const layout = layoutOf(["package.json", "lib/a.js"], job, []);
  const conventions = (manifest: string | null, source: string | null, test: string | null) =>
    conventionsOf(layout, { manifest, source, test });

  it.each([
    { runner: "mocha", manifest: '{ "scripts": { "test": "mocha test" } }', test: null },
    { runner: "ava", manifest: '{ "scripts": { "test": "xo && ava" } }', test: null },
    { runner: "tape", manifest: "{}", test: "var test = require('tape')" },
    { runner: "jest", manifest: '{ "devDependencies": { "jest": "1" } }', test: null },
    {
      runner: "vitest",
      manifest: '{ "scripts": { "test": "jest" } }',
      test: 'import { test } from "vitest";',
    },
    { runner: "node-test", manifest: null, test: null },
  ])("runs tests with $runner", ({ runner, manifest, test }) => {
    expect(conventions(manifest, null, test).runner).toBe(runner);
  });

  it("believes the sources more than package.json", () => {
    expect(conventions('{ "type": "module" }', null, null).esm).toBe(true);
    expect(conventions("{}", null, null).esm).toBe(false);
    expect(conventions("{}", "import x from './x'\nexport default x\n", null).esm).toBe(true);
    expect(conventions("{}", "const x = require('./x')\nmodule.exports = x\n", null)).toMatchObject({
      esm: false,
      single: true,
      semicolons: false,
    });
    expect(conventions("{}", "function a() {\n\tif (b) {\n\t\treturn 1;\n\t}\n}\n", null)).toMatchObject({
      indent: "\t",
      semicolons: true,
    });
  });
});
