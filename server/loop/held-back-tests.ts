// What the held-back tests of a validation came to. They are laid over the tree only while the tests run, and judged by
// themselves: each that was not collected or not reported counts as failed. Pure.
import type { TestReport, TestResult } from "../toolchains/port";
import { isNamedLikeTest } from "../toolchains/test-files";
import { compareTestIds } from "../toolchains/test-ids";
import { countTests, fileOfTest, isRed, type StoredTests } from "./checks";
import type { Collected, Finding } from "./compare-tests";

/** One suite's list of tests and its report, with the held-back tests among them. */
interface HeldSuite {
  name: string;
  /** Whether it is a toolchain's, which names its tests; a shell line only passes or fails. */
  lists: boolean;
  collected: Collected;
  report: TestReport;
}

/** What is not of the held-back files. */
export function withoutHeld({ tests, ...report }: TestReport, held: ReadonlySet<string>): TestReport {
  return { ...report, tests: tests.filter(({ id }) => !held.has(fileOfTest(id))) };
}

/** Ids that are not of the held-back files. */
export function idsWithoutHeld({ ids, unreadable }: Collected, held: ReadonlySet<string>): Collected {
  return { ids: ids.filter((id) => !held.has(fileOfTest(id))), unreadable };
}

/** @param held the held-back files, named as the suites name theirs */
export function heldResults(suites: readonly HeldSuite[], held: ReadonlySet<string>): StoredTests {
  const listed = suites.filter(({ lists }) => lists);
  const tests = listed.flatMap((suite) => resultsOf(suite, held));
  const seen = new Set(tests.map(({ id }) => fileOfTest(id)));
  if (listed.length > 0)
    for (const file of held)
      if (isNamedLikeTest(file) && !seen.has(file))
        tests.push(red(file, "none of its tests can be collected"));
  // A shell line does not say which tests it ran: with them in place it passes, or it does not.
  for (const { name, lists, report } of suites) {
    if (lists) continue;
    const failed = report.unreadable !== null || report.tests.some(isRed) || report.tests.length === 0;
    const id = `${name} with the held-back tests`;
    tests.push(
      failed
        ? red(id, report.unreadable ?? report.tests.find(isRed)?.message ?? "it says nothing")
        : { id, outcome: "passed", durationMs: 0, message: "" },
    );
  }
  return countTests([{ tool: "held-back tests", tests, unreadable: null }]);
}

function resultsOf({ collected, report }: HeldSuite, held: ReadonlySet<string>): TestResult[] {
  const ofHeld = (id: string) => held.has(fileOfTest(id));
  const reported = report.tests.filter(({ id }) => ofHeld(id));
  const { missing } = compareTestIds(
    collected.ids.filter(ofHeld),
    reported.map(({ id }) => id),
  );
  return [...reported, ...missing.map((id) => red(id, report.unreadable ?? "it was not run"))];
}

const red = (id: string, message: string): TestResult => ({ id, outcome: "error", durationMs: 0, message });

const SHOWN = 5;

/** Why a job is rejected for them: names, and the first line of what each said. */
export function heldFindings({ reports, passed, failed }: StoredTests): Finding[] {
  if (failed === 0 && passed > 0) return [];
  const bad = reports.flatMap(({ tests }) => tests.filter(isRed));
  const said = bad
    .slice(0, SHOWN)
    .map(({ id, message }) => `${id} (${message.trim().split("\n", 1)[0]?.slice(0, 160) || "no message"})`);
  const more = bad.length > SHOWN ? ` and ${bad.length - SHOWN} more` : "";
  const observed = bad.length > 0 ? `${bad.length} failed: ${said.join("; ")}${more}` : "none of them ran";
  return [{ criterion: "held-back tests", expected: "all to pass", observed }];
}
