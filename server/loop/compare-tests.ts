// What a suite reported beside what was collected from the committed tree: exactly the same tests, all passed but for what
// failed on the base already, and a canary that failed. Pure.
import type { Canary, TestReport } from "../toolchains/port";
import { compareTestIds } from "../toolchains/test-ids";
import { fileOfTest, type KnownFaults } from "./checks";

export interface Finding {
  criterion: string;
  expected: string;
  observed: string;
}

/** The tests that a suite says it has. */
export interface Collected {
  ids: string[];
  unreadable: string | null;
}

interface Compared {
  name: string;
  canary: Canary | null;
  known: KnownFaults;
}

/** Compares what was reported with what was collected. */
export function compareTests(
  { name, canary, known }: Compared,
  collected: Collected,
  report: TestReport,
): Finding[] {
  const finding = (expected: string, observed: string): Finding => ({
    criterion: `tests (${name})`,
    expected,
    observed,
  });
  if (canary && collected.unreadable) return [finding("a list of tests", collected.unreadable)];
  if (report.unreadable) return [finding("a readable report", report.unreadable)];
  const findings: Finding[] = [];
  const seen = canary && report.tests.find((test) => test.id === canary.id);
  if (canary && (!seen || seen.outcome === "passed" || seen.outcome === "skipped")) {
    findings.push(finding("the canary test to fail", seen ? `it ${seen.outcome}` : "it was not reported"));
  }
  const real = report.tests.filter((test) => test.id !== canary?.id);
  const bad = real.filter(
    (test) => test.outcome !== "passed" && test.outcome !== "skipped" && !known.tests.has(test.id),
  );
  if (bad.length > 0)
    findings.push(finding("all tests to pass", `${bad.length} failed, such as ${bad[0]?.id}`));
  if (!real.some((test) => test.outcome === "passed")) findings.push(finding("a passed test", "none"));
  if (!canary) return findings;
  const compared = compareTestIds(
    collected.ids,
    real.map((test) => test.id),
  );
  const missing = compared.missing.filter((id) => !known.deadFiles.has(fileOfTest(id)));
  const unexpected = compared.unexpected.filter((id) => !known.reported.has(id));
  if (missing.length > 0)
    findings.push(finding(`${collected.ids.length} tests reported`, `missing: ${missing[0]}`));
  if (unexpected.length > 0) findings.push(finding("only collected tests reported", `also ${unexpected[0]}`));
  return findings;
}
