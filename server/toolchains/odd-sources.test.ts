// Files of a hostile repository are read in the app's own process: none may hold it.
import { expect, test } from "vitest";
import { missingProgram } from "./dependencies";
import { detectProject } from "./detect-project";
import { readProjectConfig } from "./project-config";
import { TOOLCHAINS } from "./registry";

/** A file may be five times as long. Where blanks are tried with each other, minutes go by at this length. */
const SIZE = 200 * 1024;
const NAMES = [
  ...["a.test.js", "test/a.js", "test_a.py", "test/test_b.py", "tests.py", "conftest.py", "package.json"],
  ...[
    "pyproject.toml",
    "setup.cfg",
    "setup.py",
    "requirements.txt",
    "tox.ini",
    "Makefile",
    "yarn.lock",
    "manage.py",
  ],
  ...[
    "package-lock.json",
    "pnpm-lock.yaml",
    "uv.lock",
    "poetry.lock",
    ".gitmodules",
    ".gitattributes",
    "README.md",
  ],
];
const HEADS = [
  ...[
    "",
    "test",
    "it.",
    "class Test(",
    "class Test",
    "import(",
    "require(",
    "from",
    'test "',
    "(",
    "[",
    "{",
    "#",
    "/*",
  ],
  ...[
    "dependencies = [",
    "[project]\ndependencies",
    "[options]\ninstall_requires =",
    "[tool.pytest",
    "setup(",
    "test:",
  ],
  ...['{"type"', '{"scripts":{"test":"', "[project.optional-dependencies]\ntest", "-r ", "make: ", "`", '"'],
];
const FILLS = [
  " ",
  "\n",
  "\t",
  "\r",
  " \n",
  "a",
  "(",
  "[",
  "test(",
  "class Test(",
  "from",
  ".a",
  "=",
  "-",
  "\\",
  '"',
];

test.each(FILLS)("a repository full of %j is looked at", (fill) => {
  for (const head of HEADS) {
    const text = (head + fill.repeat(SIZE / fill.length)).slice(0, SIZE);
    const read = () => text;
    expect(detectProject(NAMES, read, "").notes).toBeInstanceOf(Array);
    for (const toolchain of Object.values(TOOLCHAINS)) {
      toolchain.test(NAMES, read);
      toolchain.collect(NAMES, read);
      toolchain.canary(NAMES, read, "token");
    }
    readProjectConfig(text);
    missingProgram(text);
  }
});
