// Whether a task of our own is one: its hidden tests tell the reference solution from the base and from a slip.
import { rmSync } from "node:fs";
import type { Check } from "./check-package";
import type { CleanPlace } from "./clean-place";
import { writeFiles } from "./git-folder";
import { refusal, runHidden } from "./judge";
import { lintErrors, runSuite, type SuiteResult } from "./run-suite";
import { type NewFile, type OwnTask, solutionOf, withEdits } from "./task";

const tally = ({ passed, failed, unreadable }: SuiteResult) =>
  unreadable && passed.length + failed.length === 0
    ? "unreadable"
    : `${passed.length}/${passed.length + failed.length}`;

/** @param folder for its trees, not there yet */
export async function checkOwn(clean: CleanPlace, task: OwnTask, folder: string): Promise<Check> {
  const solution = solutionOf(task);
  const slipped = withEdits(solution, task.slips);
  const base = await runHidden(clean, task, task.base);
  const reference = await runHidden(clean, task, solution);
  const slip = await runHidden(clean, task, slipped);
  const seen = `base ${tally(base)}, reference ${tally(reference)}, slip ${tally(slip)}`;
  const own = async (files: readonly NewFile[]) =>
    inFolder(folder, [...files, ...task.tests], () => runSuite(clean, folder));
  const lint = (files: readonly NewFile[]) => inFolder(folder, files, () => lintErrors(clean, folder));
  const problems = [
    formProblem(task),
    reference.unreadable && `the reference: ${reference.unreadable.slice(0, 300)}`,
    reference.failed[0] && `the reference fails ${reference.failed[0]}`,
    refusal(reference, base) === null && "the hidden tests pass on the base",
    refusal(reference, slip) === null && "the hidden tests pass with the slip",
    ...(await ownProblems(own, task, solution, slipped)),
    (await lint([...solution, ...task.tests]))[0],
    (await lint(slipped))[0],
  ];
  return { seen, problem: problems.find((one) => typeof one === "string" && one !== "") || null };
}

/** What is missing in a task, or twice in it; null when nothing is. */
export function formProblem({ kind, base, hidden, tests, slips, reference, edits }: OwnTask): string | null {
  if ((kind === "build") !== (base.length === 0)) return "a change has a base, something new has none";
  if (hidden.length === 0 || tests.length === 0 || slips.length === 0)
    return "hidden, tests and slip are needed";
  if (reference.length + edits.length === 0) return "there is no reference solution";
  const visible = new Set([...base, ...tests].map(({ file }) => file));
  const twice = hidden.find(({ file }) => visible.has(file));
  return twice ? `${twice.file} is hidden and not hidden` : null;
}

async function ownProblems(
  run: (files: readonly NewFile[]) => Promise<SuiteResult>,
  task: OwnTask,
  solution: readonly NewFile[],
  slipped: readonly NewFile[],
): Promise<string[]> {
  const red = ({ unreadable, failed }: SuiteResult) => unreadable?.slice(0, 300) ?? failed[0] ?? null;
  const found: string[] = [];
  const right = red(await run(solution));
  if (right) found.push(`its own tests fail on the reference: ${right}`);
  const wrong = red(await run(slipped));
  if (wrong) found.push(`its own tests notice the slip: ${wrong}`);
  if (task.kind === "change" && !red(await run(task.base))) found.push("its own tests pass on the base");
  return found;
}

async function inFolder<T>(folder: string, files: readonly NewFile[], work: () => Promise<T>): Promise<T> {
  rmSync(folder, { recursive: true, force: true });
  writeFiles(folder, files);
  try {
    return await work();
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
