import { formatUsd } from "@/components/ui/format";

const HEIGHT = 100;
/** Share of a day's room that its bar takes. */
const BAR = 0.7;
/** So that a day with little is still seen. */
const LEAST = 1.5;
/** The cap is drawn where it is at most so many times as high as the dearest day. */
const REACH = 1.6;
const HEADROOM = 1.05;

/** What each day cost, as bars; the cap as a dashed line where it is in reach. */
export function DayChart({ days, cap }: { days: readonly { day: string; usd: number }[]; cap: number }) {
  const most = Math.max(...days.map((day) => day.usd), 0);
  const inReach = cap <= most * REACH;
  const top = Math.max(most, inReach ? cap : 0) * HEADROOM || 1;
  const capAt = inReach ? HEIGHT - (cap / top) * HEIGHT : null;
  const dearest = days.find((day) => day.usd === most);
  const summary = dearest && most > 0 ? `at most ${formatUsd(most)}, on ${dearest.day}` : "nothing was spent";
  return (
    <figure className="mb-8">
      <svg
        role="img"
        aria-label={`Costs of ${days.length} days: ${summary}`}
        viewBox={`0 0 ${Math.max(1, days.length)} ${HEIGHT}`}
        preserveAspectRatio="none"
        className="block h-36 w-full border-b hairline text-accent"
      >
        {days.map(({ day, usd }, i) => {
          const height = usd === 0 ? 0 : Math.max(LEAST, (usd / top) * HEIGHT);
          return (
            <rect
              key={day}
              x={i + (1 - BAR) / 2}
              y={HEIGHT - height}
              width={BAR}
              height={height}
              fill="currentColor"
            >
              <title>{`${day}: ${formatUsd(usd)}`}</title>
            </rect>
          );
        })}
        {capAt !== null && (
          <line
            x1="0"
            x2={days.length}
            y1={capAt}
            y2={capAt}
            className="text-warn"
            stroke="currentColor"
            strokeWidth="1.5"
            strokeDasharray="4 4"
            vectorEffect="non-scaling-stroke"
          />
        )}
      </svg>
      <figcaption className="mt-1.5 flex flex-wrap justify-between gap-x-3 text-xs text-faint tabular-nums">
        <span className="whitespace-nowrap">{days[0]?.day}</span>
        <span className="order-last w-full sm:order-none sm:w-auto">
          {summary}
          {inReach && ` · dashed: the cap of ${formatUsd(cap)}`}
        </span>
        <span className="whitespace-nowrap">{days.at(-1)?.day}</span>
      </figcaption>
    </figure>
  );
}
