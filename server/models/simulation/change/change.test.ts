// Change jobs of the simulation in small repositories of several kinds: their tests are run for real, and no file that
// was there may be another afterwards.
import { readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { Drive, type DriveJob } from "../testing/drive";
import {
  ADD_SLUGIFY,
  type Files,
  NODE_CJS,
  NODE_ESM,
  PYTEST,
  PYTHON,
  VITEST_TS,
  WISHES,
} from "../testing/repositories";

const drives: Drive[] = [];
afterEach(() => {
  for (const drive of drives.splice(0)) rmSync(drive.folder, { recursive: true, force: true });
});

function start(files: Files, job: Partial<DriveJob>, model?: string): Drive {
  const drive = new Drive({ ...ADD_SLUGIFY, ...job }, model);
  drives.push(drive);
  drive.seed(files);
  return drive;
}

const text = (drive: Drive, path: string) => readFileSync(join(drive.folder, path), "utf8");

function expectUntouched(drive: Drive, files: Files): void {
  for (const [path, content] of Object.entries(files)) expect(text(drive, path), path).toBe(content);
}

const added = (drive: Drive, files: Files) => drive.files().filter((path) => !(path in files));

const node = (drive: Drive) => drive.run("node", ["--test"]);
const unittest = (drive: Drive) => drive.run("python3", ["-m", "unittest", "discover"]);
const pytest = (drive: Drive) => drive.run("python3", ["-m", "pytest", "-q"]);
/** Jest is not installed here: its three words, on Node's own runner. */
const JEST_WORDS = `const assert = require("node:assert");
global.test = require("node:test").test;
global.expect = (actual) => ({
  toBe: (wanted) => assert.strictEqual(actual, wanted),
  toEqual: (wanted) => assert.deepEqual(actual, wanted),
  toThrow: (kind) => assert.throws(actual, kind),
});
`;
async function jest(drive: Drive) {
  const words = `${drive.folder}.cjs`;
  writeFileSync(words, JEST_WORDS);
  const tests = drive.files().filter((path) => path.includes("__tests__"));
  const run = await drive.run("node", ["--require", words, "--test", ...tests]);
  rmSync(words);
  return run;
}
async function withModules(drive: Drive, ...args: string[]) {
  symlinkSync(join(process.cwd(), "node_modules"), join(drive.folder, "node_modules"));
  const run = await drive.run("node", args);
  rmSync(join(drive.folder, "node_modules"));
  return run;
}
const vitest = (drive: Drive) => withModules(drive, "node_modules/vitest/vitest.mjs", "run", "--root", ".");

const REPOSITORIES = [
  {
    name: "node with ES modules",
    files: NODE_ESM,
    run: node,
    module: "src/slugify.js",
    test: "test/slugify.test.js",
  },
  {
    name: "jest with CommonJS",
    files: NODE_CJS,
    run: jest,
    module: "lib/slugify.js",
    test: "lib/__tests__/slugify.test.js",
  },
  {
    name: "vitest with TypeScript",
    files: VITEST_TS,
    run: vitest,
    module: "src/slugify.ts",
    test: "src/slugify.spec.ts",
  },
  {
    name: "a Python package with unittest",
    files: PYTHON,
    run: unittest,
    module: "shop/slugify.py",
    test: "tests/test_slugify.py",
  },
  {
    name: "a Python package with pytest",
    files: PYTEST,
    run: pytest,
    module: "src/shop/slugify.py",
    test: "tests/test_slugify.py",
  },
];

describe.each(REPOSITORIES)("a change in $name", ({ files, run, module, test }) => {
  it("adds a module and tests that fail without it, and touches nothing", async () => {
    const drive = start(files, {});
    expect(await drive.build()).toEqual(["Add slugify"]);
    expect(added(drive, files)).toEqual([module, test].sort());
    expectUntouched(drive, files);
    const green = await run(drive);
    expect(green.code, green.output).toBe(0);
    rmSync(join(drive.folder, module));
    expect((await run(drive)).code).not.toBe(0);
  });

  it("never takes a name that is taken", async () => {
    const other = Object.entries(files).find(([path]) => /test_|test\.|spec\./.test(path))?.[1] ?? "";
    const taken = {
      ...files,
      [module]: module.endsWith(".py") ? "# of others\n" : "// of others\n",
      [test]: other,
    };
    const drive = start(taken, {});
    await drive.build();
    expectUntouched(drive, taken);
    expect(added(drive, taken)).toHaveLength(2);
    expect((await run(drive)).code).toBe(0);
  });
});

it("passes the strict checks of TypeScript, whatever is added", async () => {
  const options =
    "--noEmit --strict --target es2022 --module esnext --moduleResolution bundler --skipLibCheck";
  for (const job of [{ features: WISHES }, { title: "Customers can pay orders later" }]) {
    const drive = start(VITEST_TS, job);
    await drive.build();
    const own = added(drive, VITEST_TS);
    expect(own.every((path) => path.endsWith(".ts"))).toBe(true);
    const { code, output } = await withModules(
      drive,
      "node_modules/typescript/bin/tsc",
      ...options.split(" "),
      ...own,
    );
    expect(code, output).toBe(0);
  }
});

const FAULTY = REPOSITORIES.map((one, index) => ({ ...one, fault: index % 2 === 0 ? "test@1" : "crash@1" }));

describe.each(FAULTY)("$fault in $name", ({ files, run, module, fault }) => {
  it("turns the tests red, and the fixer finds and mends it", async () => {
    const drive = start(files, {}, `sim-1+${fault}`);
    await drive.build();
    const red = await run(drive);
    expect(red.code).not.toBe(0);
    const { finished } = await drive.task("fixer", 1, `<failure>${red.output}</failure>`);
    expect(finished).toMatchObject({ files_changed: [module] });
    expect(finished?.root_cause).not.toMatch(/not what the task needs|Not found/);
    expect((await run(drive)).code).toBe(0);
    expectUntouched(drive, files);
  });
});

describe("a change", () => {
  it("says which wishes it leaves out", async () => {
    const drive = start(NODE_ESM, { features: ["Slugify titles", "Dark mode"] });
    expect(await drive.plan()).toEqual(["Slugify titles"]);
    expect(drive.spec).toContain("- Dark mode: the simulation does not know how.");
  });

  it("takes the repository's language, and in one with both the language of the request", async () => {
    const both = { ...NODE_ESM, ...PYTHON };
    const paths = async (files: Files, job: Partial<DriveJob>) => {
      const drive = start(files, job);
      await drive.build();
      return added(drive, files);
    };
    expect(await paths(PYTHON, { toolchains: ["node"] })).toContain("shop/slugify.py");
    expect(await paths(both, { title: "Add slugify in Python" })).toContain("shop/slugify.py");
    expect(await paths(both, { toolchains: ["python"] })).toContain("shop/slugify.py");
    expect(await paths(both, { title: "Add slugify to the JavaScript part" })).toContain("src/slugify.js");
  });

  it("finds a package in a folder, and the one that the request names", async () => {
    const nested = Object.fromEntries(
      ["packages/a", "packages/b"].flatMap((folder) =>
        Object.entries(NODE_ESM).map(([path, content]) => [`${folder}/${path}`, content]),
      ),
    );
    const files: Files = { "package.json": '{ "workspaces": ["packages/*"] }\n', ...nested };
    const drive = start(files, { title: "Add slugify to packages/b" });
    await drive.build();
    expect(added(drive, files)).toEqual(["packages/b/src/slugify.js", "packages/b/test/slugify.test.js"]);
    expectUntouched(drive, files);
  });

  it("makes a package of tests where there is none, so that unittest finds them", async () => {
    const files: Files = { "tool.py": "def run():\n    return 1\n" };
    const drive = start(files, {});
    await drive.build();
    expect(added(drive, files)).toEqual(["slugify.py", "tests/__init__.py", "tests/test_slugify.py"]);
    expect((await unittest(drive)).output).toMatch(/Ran [1-9]/);
  });

  it("finds its own files again when it is asked a second time", async () => {
    const drive = start(NODE_ESM, {});
    await drive.build();
    await drive.build();
    expect(added(drive, NODE_ESM)).toEqual(["src/slugify.js", "test/slugify.test.js"]);
  });

  it("can be told to err in every way", async () => {
    const garbage = start(NODE_ESM, {}, "sim-1+garbage@1");
    await garbage.plan();
    const first = await garbage.task("coder", 1);
    expect(first.answers[0]?.calls).toEqual([]);
    expect(first.finished).not.toBeNull();
    const loop = start(NODE_ESM, {}, "sim-1+loop@1");
    await loop.plan();
    expect((await loop.task("coder", 1)).finished).toBeNull();
    const stubborn = start(PYTHON, {}, "sim-1+stubborn@1");
    await stubborn.build();
    for (const n of [1, 2]) {
      const { finished } = await stubborn.task(
        "fixer",
        1,
        `<failure>red</failure>\n<attempt>{"n":${n},"max":5}</attempt>`,
      );
      expect(finished).toMatchObject({ files_changed: ["shop/slugify.py"] });
      expect((await unittest(stubborn)).code).not.toBe(0);
    }
    expectUntouched(stubborn, PYTHON);
  });

  it("follows a checklist that people wrote, each task with a module of its own", async () => {
    const drive = start(PYTHON, { title: "Orders" });
    drive.spec = "# Own\n\n## Tasks\n- [x] Orders\n- [ ] Cancel orders\n- [ ] Slugify titles\n";
    for (const n of [1, 2, 3]) {
      await drive.task("coder", n);
      await drive.task("tester", n);
    }
    expect(added(drive, PYTHON)).toHaveLength(6);
    expect((await unittest(drive)).code).toBe(0);
    expectUntouched(drive, PYTHON);
  });

  it("adds nothing when a merge is red, and mends what the job wrote itself", async () => {
    const drive = start(NODE_ESM, {});
    await drive.build();
    const mine = text(drive, "src/slugify.js");
    const merge = '<task>{"n":2,"of":1,"title":"Bring in main at 0123456789ab"}</task>';
    const gone = 'merge: :0:0 conflict "README.md" was changed by the job and deleted in the base.';
    const left = await drive.task("fixer", 2, `${merge}\n<failure>${gone}</failure>`);
    expect(left.finished).toMatchObject({ files_changed: [] });
    drive.seed({ "src/slugify.js": mine.replace("toLowerCase", "toUpperCase") });
    const red = await node(drive);
    expect(red.code).not.toBe(0);
    const { finished } = await drive.task("fixer", 2, `${merge}\n<failure>${red.output}</failure>`);
    expect(finished).toMatchObject({ files_changed: ["src/slugify.js"] });
    expect(text(drive, "src/slugify.js")).toBe(mine);
    expect(added(drive, NODE_ESM)).toEqual(["src/slugify.js", "test/slugify.test.js"]);
    rmSync(join(drive.folder, "test/slugify.test.js"));
    await drive.task("fixer", 2, `${merge}\n<failure>not ok</failure>`);
    expect(added(drive, NODE_ESM)).toEqual(["src/slugify.js"]);
  });

  it("looks before it takes a name that no list shows", async () => {
    const hidden = { ...NODE_ESM, "src/slugify.js": "// ignored\n" };
    const shown = (files: readonly string[]) => files.filter((path) => path !== "src/slugify.js").join("\n");
    const drive = new Drive(ADD_SLUGIFY, "sim-1", 4096, shown);
    drives.push(drive);
    drive.seed(hidden);
    await drive.build();
    expectUntouched(drive, hidden);
    expect(added(drive, hidden)).toEqual(["src/slugify-2.js", "test/slugify-2.test.js"]);
  });

  it("keeps to the project's folder", async () => {
    const other = Object.fromEntries(
      Object.entries(NODE_ESM).map(([path, content]) => [`web/app/${path}`, content]),
    );
    const files = { ...NODE_ESM, ...other };
    const drive = start(files, { folder: "web/app" });
    await drive.build();
    expect(added(drive, files)).toEqual(["web/app/src/slugify.js", "web/app/test/slugify.test.js"]);
  });
});
