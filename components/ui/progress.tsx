import { cx } from "./cx";
import { formatShare } from "./format";

/** A bar that fills from 0 to 1. */
export function ProgressBar({
  value,
  label,
  tone = "accent",
}: {
  value: number;
  label: string;
  tone?: "accent" | "good" | "warn" | "bad" | "idle";
}) {
  const fill = {
    accent: "text-accent",
    good: "text-good",
    warn: "text-warn",
    bad: "text-bad",
    idle: "text-idle",
  }[tone];
  const share = Math.min(1, Math.max(0, value));
  return (
    <svg
      role="progressbar"
      aria-label={label}
      aria-valuemin={0}
      aria-valuemax={100}
      aria-valuenow={Math.round(share * 100)}
      aria-valuetext={formatShare(share)}
      viewBox="0 0 100 4"
      preserveAspectRatio="none"
      className={cx("block h-1 w-full overflow-hidden rounded-full bg-line", fill)}
    >
      <rect width={share * 100} height="4" fill="currentColor" />
    </svg>
  );
}
