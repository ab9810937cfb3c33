import { cx } from "@/components/ui/cx";
import { Icon } from "@/components/ui/icons";
import { Ago } from "@/components/ui/time";
import type { CheckView } from "@/server/domain/outputs";
import { isBaseline } from "./baseline";
import { readReport } from "./check-report";

/** One line for each run of the tests, oldest first. */
export function TestHistory({ runs }: { runs: readonly CheckView[] }) {
  if (runs.length < 2) return null;
  return (
    <section aria-label="Runs of the tests" className="mb-6">
      <ol className="flex flex-wrap gap-2">
        {runs.map((run) => {
          const { tests } = readReport(run.report);
          const passed = tests.filter((test) => test.outcome === "passed").length;
          const wasRed = isBaseline(run) && !run.passed;
          return (
            <li key={run.key} className="rounded-md border hairline px-2.5 py-1.5 text-xs">
              <span
                className={cx(
                  "flex items-center gap-1.5 font-medium",
                  run.passed ? "text-good" : wasRed ? "text-warn" : "text-bad",
                )}
              >
                <Icon name={run.passed ? "check" : wasRed ? "warning" : "cross"} className="size-3.5" />
                {passed} of {tests.length}
              </span>
              <span className="text-faint">
                {isBaseline(run) ? "before the change" : run.key} · <Ago at={run.at} />
              </span>
            </li>
          );
        })}
      </ol>
    </section>
  );
}
