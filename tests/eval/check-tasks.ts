/**
 * Checks the evaluation set itself, without a factory: upstream's release is green (but for what is known), the bug
 * turns its own tests red, our new test fails with the bug, the mend makes everything green again, and mend and test
 * bring no new problem for the linters.
 * Run: npx tsx tests/eval/check-tasks.ts [task…]
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { tasksNamed } from "./all-tasks";
import { fetchArchives } from "./debian-archive";
import { refusal, showsBug } from "./judge";
import { TaskRepository } from "./repository";
import { lintErrors, runSuite, type SuiteResult } from "./run-suite";
import { type EvalTask, mendOf } from "./task";

const KIB = 1024;

interface Line {
  task: string;
  kib: number;
  released: string;
  broken: string;
  mended: string;
  seconds: string;
  /** The linters' errors before anything is done. */
  lint: number;
  problem: string;
}

const tally = ({ passed, failed }: SuiteResult) => `${passed.length}/${passed.length + failed.length}`;

async function check(task: EvalTask, archive: string, folder: string): Promise<Line> {
  const repository = TaskRepository.make(folder, task, archive);
  repository.toImport();
  const released = await runSuite(folder, task);
  repository.toBroken();
  repository.add(task.addTest);
  const withTest = await runSuite(folder, task);
  repository.toBroken();
  repository.ownSuite();
  const broken = await runSuite(folder, task);
  repository.toBroken();
  const before = await lintErrors(folder);
  repository.edit(mendOf(task));
  repository.add(task.addTest);
  const lint = newOnes(before, await lintErrors(folder));
  repository.ownSuite();
  const mended = await runSuite(folder, task);
  return {
    task: task.name,
    kib: Math.round(statSync(archive).size / KIB),
    released: tally(released),
    broken: tally(broken),
    mended: tally(mended),
    seconds: (released.ms / 1000).toFixed(1),
    lint: before.length,
    problem: problemOf(task, { released, withTest, broken, mended }) ?? lint[0] ?? "",
  };
}

/** What is in `after` more often than in `before`. */
function newOnes(before: readonly string[], after: readonly string[]): string[] {
  const left = [...before];
  return after.filter((one) => {
    const at = left.indexOf(one);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
}

type Runs = Record<"released" | "withTest" | "broken" | "mended", SuiteResult>;

function problemOf(task: EvalTask, { released, withTest, broken, mended }: Runs): string | null {
  if (released.unreadable) return `upstream's release: ${released.unreadable.slice(0, 300)}`;
  if (released.passed.length === 0 && !task.commands) return "no test of upstream's release passes";
  if (released.failed.length > 0 !== (task.redBefore ?? false))
    return `upstream's release has ${released.failed.length} failing tests, such as ${released.failed[0]}`;
  if (!showsBug(released, broken)) return "the package's own tests do not see the bug";
  const ours = withTest.failed.some(
    (id) => task.commands || task.addTest.some(({ file }) => id.startsWith(file)),
  );
  if (!ours) return "the new test does not fail with the bug";
  return refusal(released, mended);
}

const tasks = tasksNamed(process.argv.slice(2));
const base = mkdtempSync(join(tmpdir(), "fabrica-eval-"));
const lines: Line[] = [];
try {
  const archives = await fetchArchives(tasks.map((task) => task.source));
  for (const task of tasks) {
    const archive = archives.get(task.source);
    const nothing = { task: task.name, kib: 0, released: "", broken: "", mended: "", seconds: "", lint: 0 };
    if (!archive || "problem" in archive) {
      lines.push({ ...nothing, problem: `not fetched: ${archive?.problem ?? "unknown"}` });
      continue;
    }
    const problem = (error: unknown) =>
      (error instanceof Error ? error.message : String(error)).slice(0, 500);
    lines.push(
      await check(task, archive.file, join(base, task.name)).catch((error) => ({
        ...nothing,
        problem: problem(error),
      })),
    );
  }
} finally {
  rmSync(base, { recursive: true, force: true });
}
console.table(lines);
const failed = lines.filter((line) => line.problem !== "").length;
console.log(`${lines.length - failed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
