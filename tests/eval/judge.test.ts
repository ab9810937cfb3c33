// Judging for real: in a sandbox that reaches nothing of this machine, and by tests that delivered code cannot have
// seen, move away or report about in their place.
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { tasksNamed } from "./all-tasks";
import { CleanPlace } from "./clean-place";
import { writeFiles } from "./git-folder";
import { judgeOwn } from "./judge";
import { type NewFile, type OwnTask, solutionOf, withEdits } from "./task";

const [task] = tasksNamed(["roman-numerals"]) as [OwnTask];
const right = solutionOf(task);

let clean: CleanPlace;
let base: string;
let folders = 0;
beforeAll(async () => {
  clean = await CleanPlace.open();
  base = mkdtempSync(join(tmpdir(), "fabrica-judge-"));
});
afterAll(async () => {
  await clean.close();
  rmSync(base, { recursive: true, force: true });
});

function delivered(files: readonly NewFile[]): string {
  const folder = join(base, `tree-${++folders}`);
  writeFiles(folder, files);
  return folder;
}

it("resolves with the reference solution, whatever tests came with it", async () => {
  const odd = [
    { file: "tests/test_hidden_roman.py", content: "raise SystemExit('mine')\n" },
    { file: "tests/conftest.py", content: "raise SystemExit('mine')\n" },
    { file: "SPEC.md", content: "# Done\n" },
  ];
  expect(await judgeOwn(clean, task, delivered([...right, ...odd]))).toBeNull();
});

it("refuses a slip, and nothing at all", async () => {
  expect(await judgeOwn(clean, task, delivered(withEdits(right, task.slips)))).toMatch(
    /^1 failed, such as tests\/test_hidden_roman\.py::/,
  );
  expect(
    await judgeOwn(clean, task, delivered([{ file: "README.md", content: "Nothing.\n" }])),
  ).not.toBeNull();
});

it("does not follow a link that was delivered", async () => {
  const folder = delivered([{ file: "README.md", content: "" }]);
  writeFiles(join(base, "elsewhere"), right);
  symlinkSync(join(base, "elsewhere/roman.py"), join(folder, "roman.py"));
  expect(await judgeOwn(clean, task, folder)).not.toBeNull();
});

it("refuses code that ends the tests and writes their report itself", async () => {
  const forging = `import json
import os
import sys

path = sys.argv[sys.argv.index("--report") + 1] if "--report" in sys.argv else "/tmp/fabrica-tests-python.jsonl"
names = ("every_number_comes_back", "short_forms", "no_numbers", "no_numerals")
with open(path, "w") as report:
    lines = [{"v": 1, "tool": "unittest"}]
    for name in names:
        test = f"tests/test_hidden_roman.py::HiddenRomanTest::test_{name}"
        lines.append({"result": {"id": test, "outcome": "passed", "ms": 1, "message": ""}})
    report.write("".join(json.dumps(line) + "\\n" for line in [*lines, {"end": True}]))
os._exit(0)
`;
  const refused = await judgeOwn(clean, task, delivered([{ file: "roman.py", content: forging }]));
  expect(refused).toBe("the tests cannot be read: a test that must fail was not reported as failed");
});

it("reaches neither files, nor environment, nor network of this machine", async () => {
  const secret = join(base, "secret.txt");
  writeFileSync(secret, "canary");
  process.env.EVAL_CANARY = "canary";
  const server = createServer((_request, response) => response.end("canary"));
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const { port } = server.address() as AddressInfo;
  const program = `import json, os, urllib.request
seen = {"file": os.path.exists(${JSON.stringify(secret)}), "env": "EVAL_CANARY" in os.environ, "uid": os.getuid()}
try:
    seen["net"] = urllib.request.urlopen("http://127.0.0.1:${port}", timeout=3).read().decode()
except OSError:
    seen["net"] = None
print(json.dumps(seen))
`;
  try {
    const said = await clean.within(delivered([{ file: "look.py", content: program }]), (run) =>
      run({ argv: ["python3", "look.py"], env: {}, timeoutMs: 20_000, report: null }),
    );
    expect(JSON.parse(said.stdout)).toEqual({ file: false, env: false, uid: 65_532, net: null });
  } finally {
    delete process.env.EVAL_CANARY;
    server.closeAllConnections();
    server.close();
  }
});
