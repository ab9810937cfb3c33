// What is known of a base before it is changed: which checks looked at it, and which of its tests were red. Pure.
import type { CheckView } from "@/server/domain/outputs";
import { readReport } from "./check-report";

/** Whether a check looked at the base, before anything was changed. */
export const isBaseline = ({ key }: Pick<CheckView, "key">): boolean => key.startsWith("baseline/");

/** Whether a check says how the merge of a base that moved went. */
export const isMerge = ({ key }: Pick<CheckView, "key">): boolean => key.endsWith("/merge");

/** Ids of the tests that were red on the newest base that was looked at. */
export function redBefore(checks: readonly CheckView[]): ReadonlySet<string> {
  const newest = checks.findLast((check) => isBaseline(check) && check.kind === "test");
  const { tests } = readReport(newest?.report);
  const red = tests.filter(({ outcome }) => outcome === "failed" || outcome === "error");
  return new Set(red.map(({ id }) => id));
}
