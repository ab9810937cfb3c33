// Whether a task that is a bug in a package is one: its own tests see the bug, and the mend makes them green again.
import type { CleanPlace } from "./clean-place";
import { refusal, showsBug } from "./judge";
import { PackageRepository } from "./repository";
import { lintErrors, runSuite, type SuiteResult } from "./run-suite";
import { mendOf, type PackageTask } from "./task";

/** What was looked at, and what is wrong with a task. */
export interface Check {
  /** Tests that pass, of all, where. */
  seen: string;
  problem: string | null;
}

const tally = ({ passed, failed }: SuiteResult) => `${passed.length}/${passed.length + failed.length}`;

/** @param folder for its working copy, not there yet */
export async function checkPackage(
  clean: CleanPlace,
  task: PackageTask,
  archive: string,
  folder: string,
): Promise<Check> {
  const repository = PackageRepository.make(folder, task, archive);
  repository.toImport();
  const released = await runSuite(clean, folder, task);
  repository.toBroken();
  repository.add(task.addTest);
  const withTest = await runSuite(clean, folder, task);
  repository.toBroken();
  repository.ownSuite();
  const broken = await runSuite(clean, folder, task);
  repository.toBroken();
  const before = await lintErrors(clean, folder);
  repository.edit(mendOf(task));
  repository.add(task.addTest);
  const lint = newOnes(before, await lintErrors(clean, folder));
  repository.ownSuite();
  const mended = await runSuite(clean, folder, task);
  return {
    seen: `release ${tally(released)}, bug ${tally(broken)}, mend ${tally(mended)}`,
    problem: problemOf(task, { released, withTest, broken, mended }) ?? lint[0] ?? null,
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

function problemOf(task: PackageTask, { released, withTest, broken, mended }: Runs): string | null {
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
