/**
 * Checks the evaluation set itself, without a factory. Of a package: upstream's release is green (but for what is
 * known), the bug turns its own tests red, our new test fails with it, the mend makes everything green. Of a task of
 * ours: the hidden tests fail on the base and with the slip, and pass on the reference; its own tests pass on both.
 * What is handed in has no problem for the linters. Run: npx tsx tests/eval/check-tasks.ts [task…]
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tasksNamed } from "./all-tasks";
import { checkOwn } from "./check-own";
import { type Check, checkPackage } from "./check-package";
import { CleanPlace } from "./clean-place";
import { fetchArchives } from "./debian-archive";
import { isPackage, kindOf } from "./task";

const tasks = tasksNamed(process.argv.slice(2));
const base = mkdtempSync(join(tmpdir(), "fabrica-eval-"));
const clean = await CleanPlace.open();
const lines: object[] = [];
let failed = 0;
try {
  const archives = await fetchArchives(tasks.filter(isPackage).map(({ source }) => source));
  for (const task of tasks) {
    const began = performance.now();
    const check = async (): Promise<Check> => {
      const folder = join(base, task.name);
      if (!isPackage(task)) return checkOwn(clean, task, folder);
      const archive = archives.get(task.source);
      if (!archive || "problem" in archive)
        return { seen: "", problem: `not fetched: ${archive?.problem ?? "unknown"}` };
      return checkPackage(clean, task, archive.file, folder);
    };
    const line = await check().catch((error: unknown) => ({
      seen: "",
      problem: (error instanceof Error ? error.message : String(error)).slice(0, 500),
    }));
    if (line.problem !== null) failed++;
    const seconds = ((performance.now() - began) / 1000).toFixed(1);
    lines.push({ task: task.name, kind: kindOf(task), seconds, ...line, problem: line.problem ?? "" });
  }
} finally {
  await clean.close();
  rmSync(base, { recursive: true, force: true });
}
console.table(lines);
console.log(`${tasks.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
