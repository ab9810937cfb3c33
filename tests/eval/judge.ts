// Whether a change resolved its task: the package's own tests decide, measured against those of upstream's release.
import type { SuiteResult } from "./run-suite";

/** Why a suite says that the bug is there, or null when it does not. */
export function showsBug(released: SuiteResult, seen: SuiteResult): string | null {
  if (seen.unreadable) return null;
  const before = new Set(released.failed);
  return seen.failed.find((id) => !before.has(id)) ?? null;
}

/**
 * Why a change is not a good one, or null when it is: every test that passes in upstream's release has to pass, and
 * nothing may fail that does not fail there. Tests that came with the change may only pass.
 */
export function refusal(released: SuiteResult, seen: SuiteResult): string | null {
  if (seen.unreadable) return `the tests cannot be read: ${seen.unreadable.slice(0, 300)}`;
  const before = new Set(released.failed);
  const failing = seen.failed.filter((id) => !before.has(id));
  if (failing.length > 0) return `${failing.length} failed, such as ${failing[0]}`;
  const passed = new Set(seen.passed);
  const gone = released.passed.filter((id) => !passed.has(id));
  return gone.length > 0 ? `${gone.length} did not run, such as ${gone[0]}` : null;
}
