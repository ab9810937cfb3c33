// Days without costs are days, too: a chart has a place for each. Pure.

const DAY_MS = 86_400_000;

/** One amount for every day from `from` to `to` (both "YYYY-MM-DD", in UTC), 0 where `rows` says nothing. */
export function fillDays(
  from: string,
  to: string,
  rows: readonly { key: string | null; cost_usd: number }[],
): { day: string; usd: number }[] {
  const known = new Map(rows.map((row) => [row.key, row.cost_usd]));
  const count = Math.max(0, Math.round((Date.parse(to) - Date.parse(from)) / DAY_MS) + 1);
  return Array.from({ length: count }, (_, i) => {
    const day = new Date(Date.parse(from) + i * DAY_MS).toISOString().slice(0, 10);
    return { day, usd: known.get(day) ?? 0 };
  });
}

/** The first of the last `days` days that end today, in UTC. */
export function firstOf(days: number, now: number): string {
  return new Date(now - (days - 1) * DAY_MS).toISOString().slice(0, 10);
}
