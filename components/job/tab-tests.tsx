"use client";
import { useState } from "react";
import { Button } from "@/components/ui/button";
import { cx } from "@/components/ui/cx";
import { formatCount, formatDuration } from "@/components/ui/format";
import { Icon, type IconName } from "@/components/ui/icons";
import { Empty } from "@/components/ui/states";
import { isBaseline, redBefore } from "./baseline";
import { failuresFirst, readReport, type ShownTest } from "./check-report";
import { TextView } from "./output-view";
import type { TabProps } from "./tab-props";
import { TestHistory } from "./test-history";

const FIRST_SHOWN = 200;

/** The tests of the newest run, failures first, and how earlier runs ended. */
export function TabTests({ detail }: TabProps) {
  const [shown, setShown] = useState(FIRST_SHOWN);
  const runs = detail.checks.filter((check) => check.kind === "test");
  const newest = runs.findLast((run) => !isBaseline(run)) ?? runs.at(-1);
  if (!newest) {
    return (
      <Empty
        icon="check"
        title="No tests have run yet"
        text="They run after each task, and once more in a fresh sandbox before delivery."
      />
    );
  }
  const report = readReport(newest.report);
  const known = redBefore(detail.checks);
  const all = failuresFirst(report.tests);
  // What the job can be blamed for comes first.
  const tests = [...all.filter((test) => !wasRed(test, known)), ...all.filter((test) => wasRed(test, known))];
  return (
    <div className="max-w-[68rem]">
      <TestHistory runs={runs} />
      <p className="mb-2 text-xs text-faint">
        {isBaseline(newest) && "Before the change: "}
        {formatCount(tests.length, "test")}
        {report.tools.length > 0 && ` · ${report.tools.join(", ")}`}
      </p>
      {report.remarks.map((remark) => (
        <p key={remark} className="mb-2 flex items-start gap-2 text-warn">
          <Icon name="warning" className="mt-0.5" />
          <span className="min-w-0 wrap-anywhere">{remark}</span>
        </p>
      ))}
      <ul>
        {tests.slice(0, shown).map((test) => (
          <TestLine key={test.id} test={test} old={wasRed(test, known)} />
        ))}
      </ul>
      {tests.length > shown && (
        <Button className="mt-3" onClick={() => setShown(shown + 1000)}>
          Show {tests.length - shown} more
        </Button>
      )}
    </div>
  );
}

const wasRed = ({ id, outcome }: ShownTest, known: ReadonlySet<string>) =>
  (outcome === "failed" || outcome === "error") && known.has(id);

const LOOK: Record<ShownTest["outcome"], { icon: IconName; ink: string }> = {
  passed: { icon: "check", ink: "text-good" },
  failed: { icon: "cross", ink: "text-bad" },
  error: { icon: "warning", ink: "text-bad" },
  skipped: { icon: "ringMinus", ink: "text-idle" },
};

/** One test; `old` when it was as red before the change. */
function TestLine({ test, old }: { test: ShownTest; old: boolean }) {
  const look = old ? { ...LOOK[test.outcome], ink: "text-warn" } : LOOK[test.outcome];
  const names = test.id.split("::");
  const file = names.length > 1 ? names[0] : null;
  return (
    <li className="lazy-row border-b hairline py-2">
      <p className="flex items-start gap-2">
        <Icon name={look.icon} className={cx("mt-0.5", look.ink)} />
        <span className="sr-only">{test.outcome}:</span>
        <span className="min-w-0 flex-1 wrap-anywhere">
          {(file ? names.slice(1) : names).filter(Boolean).join(" › ")}
          {(file || old) && (
            <span className="block text-xs text-faint">
              {file}
              {old && <span className="text-warn">{file && " · "}red before the change as well</span>}
            </span>
          )}
        </span>
        <span className="text-xs text-faint tabular-nums">{formatDuration(test.durationMs / 1000)}</span>
      </p>
      {test.message && (
        <div className="mt-2 overflow-hidden rounded-md border hairline bg-sunken/60">
          <TextView text={test.message} />
        </div>
      )}
    </li>
  );
}
