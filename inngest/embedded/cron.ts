/**
 * Five-field cron expressions with an optional `TZ=` prefix. Anything else is refused when a function registers.
 */

/** A cron expression that cannot be honoured. */
export class CronError extends Error {}

/** A parsed expression. */
export interface Cron {
  minutes: Set<number>;
  hours: Set<number>;
  days: Set<number>;
  months: Set<number>;
  weekdays: Set<number>;
  /** Day of month and day of week are both restricted: either may match, as cron has always done. */
  eitherDay: boolean;
  timeZone: string;
}

const ALIASES: Record<string, string> = {
  "@hourly": "0 * * * *",
  "@daily": "0 0 * * *",
  "@midnight": "0 0 * * *",
  "@weekly": "0 0 * * 0",
  "@monthly": "0 0 1 * *",
  "@yearly": "0 0 1 1 *",
  "@annually": "0 0 1 1 *",
};
const MONTHS = ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
const WEEKDAYS = ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"];

const MINUTE_MS = 60_000;
const QUARTER_MS = 15 * MINUTE_MS;
const HORIZON_MS = 5 * 366 * 24 * 60 * MINUTE_MS;

/** Parses an expression. Throws CronError with the part that is wrong. */
export function parseCron(expression: string): Cron {
  const zoned = /^(?:CRON_)?TZ=(\S+)\s+(.*)$/.exec(expression.trim());
  const timeZone = zoned?.[1] ?? "UTC";
  const body = (zoned?.[2] ?? expression).trim();
  const fields = (ALIASES[body] ?? body).split(/\s+/);
  if (fields.length !== 5) throw new CronError(`The cron "${expression}" does not have five fields.`);
  formatter(timeZone);
  const [minute, hour, day, month, weekday] = fields as [string, string, string, string, string];
  const weekdays = parseField(weekday, 0, 7, WEEKDAYS, 0);
  if (weekdays.delete(7)) weekdays.add(0);
  return {
    minutes: parseField(minute, 0, 59),
    hours: parseField(hour, 0, 23),
    days: parseField(day, 1, 31),
    months: parseField(month, 1, 12, MONTHS, 1),
    weekdays,
    eitherDay: !/^[*?]/.test(day) && !/^[*?]/.test(weekday),
    timeZone,
  };
}

function parseField(text: string, min: number, max: number, names: string[] = [], base = 0): Set<number> {
  const values = new Set<number>();
  for (const part of text.split(",")) {
    const match = /^(\*|\?|\w+)(?:-(\w+))?(?:\/(\d+))?$/.exec(part);
    if (!match) throw new CronError(`The cron field "${text}" cannot be read.`);
    const [, start, end, stepText] = match as unknown as [string, string, string?, string?];
    const any = start === "*" || start === "?";
    const step = stepText === undefined ? 1 : Number(stepText);
    const from = any ? min : readValue(start, names, base);
    const to = any ? max : end === undefined ? (stepText ? max : from) : readValue(end, names, base);
    if (!(from >= min && to <= max && from <= to && step >= 1) || (any && end !== undefined)) {
      throw new CronError(`The cron field "${text}" is outside ${min}-${max}.`);
    }
    for (let value = from; value <= to; value += step) values.add(value);
  }
  return values;
}

function readValue(text: string, names: string[], base: number): number {
  const name = names.indexOf(text.toUpperCase());
  return name >= 0 ? name + base : /^\d+$/.test(text) ? Number(text) : Number.NaN;
}

const formatters = new Map<string, Intl.DateTimeFormat>();

function formatter(timeZone: string): Intl.DateTimeFormat {
  let found = formatters.get(timeZone);
  if (found) return found;
  try {
    const numeric = "numeric" as const;
    found = new Intl.DateTimeFormat("en-US", {
      timeZone,
      hourCycle: "h23",
      weekday: "short",
      month: numeric,
      day: numeric,
      hour: numeric,
      minute: numeric,
    });
  } catch {
    throw new CronError(`The time zone "${timeZone}" is not known.`);
  }
  formatters.set(timeZone, found);
  return found;
}

interface LocalTime {
  minute: number;
  hour: number;
  day: number;
  month: number;
  weekday: number;
}

function localTime(timeMs: number, timeZone: string): LocalTime {
  const parts: Record<string, string> = {};
  for (const { type, value } of formatter(timeZone).formatToParts(timeMs)) parts[type] = value;
  return {
    minute: Number(parts.minute),
    hour: Number(parts.hour),
    day: Number(parts.day),
    month: Number(parts.month),
    weekday: WEEKDAYS.indexOf(parts.weekday!.toUpperCase()),
  };
}

/**
 * The first matching minute after `afterMs`, in milliseconds. A local time that a clock change skips does
 * not occur that day. Throws CronError when nothing matches within five years (for example 30 February).
 */
export function nextCronTime(cron: Cron, afterMs: number): number {
  let time = (Math.floor(afterMs / MINUTE_MS) + 1) * MINUTE_MS;
  while (time - afterMs < HORIZON_MS) {
    const local = localTime(time, cron.timeZone);
    const inMonth = cron.months.has(local.month);
    const inDay = cron.days.has(local.day);
    const inWeek = cron.weekdays.has(local.weekday);
    const dayMatches = inMonth && (cron.eitherDay ? inDay || inWeek : inDay && inWeek);
    if (dayMatches && cron.hours.has(local.hour)) {
      if (cron.minutes.has(local.minute)) return time;
      time += MINUTE_MS;
      continue;
    }
    // Every zone's hours start on a quarter of an hour of UTC; whole hours are skipped where the day is wrong
    // and midnight is far, staying two hours away from it because of clock changes.
    const hoursLeft = dayMatches ? 0 : Math.max(0, 21 - local.hour);
    time = Math.floor(time / QUARTER_MS) * QUARTER_MS + (hoursLeft ? hoursLeft * 4 : 1) * QUARTER_MS;
  }
  throw new CronError("The cron expression never matches.");
}
