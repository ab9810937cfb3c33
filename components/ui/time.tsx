"use client";
import { useClockText } from "./clock";
import { formatAgo, formatDuration } from "./format";

/** A relative time that shows the exact one on hover. `at` is ISO 8601. */
export function Ago({ at }: { at: string }) {
  const date = new Date(at);
  const text = useClockText((now) => formatAgo(date, new Date(now)));
  return (
    <time dateTime={at} title={date.toLocaleString()} className="whitespace-nowrap" suppressHydrationWarning>
      {text}
    </time>
  );
}

/** A duration that goes on while `until` is null. Both are ISO 8601. */
export function Elapsed({ since, until }: { since: string; until: string | null }) {
  const start = Date.parse(since);
  const text = useClockText((now) => {
    const seconds = Math.max(0, ((until ? Date.parse(until) : now) - start) / 1000);
    // Tenths and milliseconds of something that goes on would only flicker.
    return !until && seconds < 10 ? `${Math.floor(seconds)} s` : formatDuration(seconds);
  });
  return (
    <span
      className="whitespace-nowrap tabular-nums"
      title={new Date(since).toLocaleString()}
      suppressHydrationWarning
    >
      {text}
    </span>
  );
}
