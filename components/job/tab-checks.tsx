"use client";
import { cx } from "@/components/ui/cx";
import { formatCount } from "@/components/ui/format";
import { Icon } from "@/components/ui/icons";
import { keyed } from "@/components/ui/keyed";
import { Empty } from "@/components/ui/states";
import { Ago } from "@/components/ui/time";
import type { CheckView } from "@/server/domain/outputs";
import { isBaseline, isMerge, redBefore } from "./baseline";
import { readReport, type ShownProblem } from "./check-report";
import type { TabProps } from "./tab-props";

const KIND: Record<CheckView["kind"], string> = {
  setup: "Dependencies",
  lint: "Lint",
  test: "Tests",
  verify: "Verification",
  held_back: "Held-back tests",
  review: "Review",
  deploy: "Deploy bundle",
};
/** What people should know of a check that is not like the others. */
const ABOUT: Partial<Record<CheckView["kind"], string>> = {
  held_back: "Tests that nobody who wrote the code has seen.",
  review: "What a model says of the work. It is read and mended once, and decides nothing by itself.",
  deploy: "Read by rules and parsed, never run: running it is for a person to decide.",
};
/** What is known of the base is not the job's doing. */
function labelOf(check: CheckView): string {
  const what = KIND[check.kind];
  if (isBaseline(check))
    return `${what} before the change: ${check.passed ? "passed" : check.kind === "test" ? "red already" : "problems already"}`;
  if (check.kind === "review") return `Review: ${check.passed ? "approved" : "changes asked for"}`;
  if (isMerge(check)) return `Merge of the base: ${check.passed ? "no conflicts" : "conflicts"}`;
  return `${what} ${check.passed ? "passed" : "failed"}`;
}
const PROBLEMS_SHOWN = 200;

/** Every computed check, newest first, with what it found. */
export function TabChecks({ detail }: TabProps) {
  const checks = detail.checks.toReversed();
  const known = redBefore(detail.checks);
  if (checks.length === 0) {
    return (
      <Empty
        icon="magnifier"
        title="No checks yet"
        text="Lint, tests and verification are computed by the factory, never claimed by a model."
      />
    );
  }
  return (
    <ul className="max-w-[68rem]">
      {checks.map((check) => (
        <CheckItem key={check.key} check={check} known={known} />
      ))}
    </ul>
  );
}

function CheckItem({ check, known }: { check: CheckView; known: ReadonlySet<string> }) {
  const report = readReport(check.report);
  const red = report.tests.filter((test) => test.outcome === "failed" || test.outcome === "error");
  const old = isBaseline(check) ? 0 : red.filter((test) => known.has(test.id)).length;
  const wasRed = isBaseline(check) && !check.passed;
  const warns = wasRed || (check.kind === "review" && !check.passed);
  const about = ABOUT[check.kind];
  const found = [
    report.problems.length > 0 && formatCount(report.problems.length, "problem"),
    report.tests.length > 0 && `${report.tests.length - red.length} of ${report.tests.length} tests passed`,
    old > 0 && `${old} red before the change as well`,
    report.tools.join(", "),
  ].filter(Boolean);
  return (
    <li className="lazy-row border-b hairline py-2.5">
      <p className="flex items-start gap-2">
        <Icon
          name={check.passed ? "check" : warns ? "warning" : "cross"}
          className={cx("mt-0.5", check.passed ? "text-good" : warns ? "text-warn" : "text-bad")}
        />
        <span className="min-w-0 flex-1">
          <span className="font-medium">{labelOf(check)}</span>
          <span className="block text-xs text-faint wrap-anywhere">{[check.key, ...found].join(" · ")}</span>
        </span>
        <span className="text-xs text-faint">
          <Ago at={check.at} />
        </span>
      </p>
      {wasRed && (
        <p className="mt-1 pl-6 text-muted">
          What is red here was so before the job, and is not counted against it.
        </p>
      )}
      {about && <p className="mt-1 pl-6 text-muted">{about}</p>}
      {check.kind === "held_back" && red.length > 0 && (
        <ul className="mt-1 flex flex-col gap-1 pl-6">
          {keyed(red.slice(0, PROBLEMS_SHOWN)).map(({ key, item: test }) => (
            <li key={key} className="wrap-anywhere">
              <span className="font-mono text-xs text-muted">{test.id}</span> {test.message.split("\n", 1)[0]}
            </li>
          ))}
        </ul>
      )}
      {report.remarks.map((remark) => (
        <p
          key={remark}
          className={cx(
            "mt-1 pl-6 wrap-anywhere",
            check.kind === "review" && check.passed ? "text-muted" : "text-warn",
          )}
        >
          {remark}
        </p>
      ))}
      {report.problems.length > 0 && (
        <ul className="mt-2 flex flex-col gap-1 pl-6">
          {keyed(report.problems.slice(0, PROBLEMS_SHOWN)).map(({ key, item: problem }) => (
            <ProblemLine key={key} problem={problem} />
          ))}
        </ul>
      )}
    </li>
  );
}

function ProblemLine({ problem }: { problem: ShownProblem }) {
  return (
    <li className="wrap-anywhere">
      {problem.file && (
        <span className="font-mono text-xs text-muted">
          {problem.file}:{problem.line}{" "}
        </span>
      )}
      {problem.message} <span className="text-xs text-faint">{problem.rule}</span>
    </li>
  );
}
