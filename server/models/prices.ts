// What a call costs. One table, with the days and the source of every row, so that a call is priced by its own day; all
// sums in whole micro-dollars, rounded up once per call. Invariant 11: the upper bound of a call is never below its cost.
import type { ProviderName, Usage } from "./port";

/** US dollars for a million tokens of each kind. */
interface Dollars {
  input: number;
  output: number;
  cacheRead: number;
  cacheWrite: number;
}

interface Row {
  model: string;
  /** First day (UTC) of the price, or the day on which it was read; a model's earliest row holds before it, too. */
  from: string;
  /** First day (UTC) on which it no longer holds; null while no end is known. */
  until: string | null;
  dollars: Dollars;
  /** Prices of a whole call whose prompt has more tokens than this. */
  long?: { above: number; dollars: Dollars };
}

const SOURCE = "platform.claude.com/docs/en/about-claude/pricing";

/** Cache writes are those of the five-minute cache, a quarter above plain input. */
function row(
  model: string,
  from: string,
  input: number,
  output: number,
  cacheRead: number,
  until: string | null = null,
): Row {
  return { model, from, until, dollars: { input, output, cacheRead, cacheWrite: input * 1.25 } };
}

export const CLAUDE: readonly Row[] = [
  row("claude-fable-5-2", "2026-11-09", 8, 40, 0.2),
  row("claude-mythos-5-2", "2026-11-09", 8, 40, 0.2),
  row("claude-fable-5-1", "2026-09-01", 10, 50, 0.25),
  row("claude-mythos-5-1", "2026-09-01", 10, 50, 0.25),
  row("claude-fable-5", "2026-06-09", 10, 50, 1),
  row("claude-mythos-5", "2026-06-09", 10, 50, 1),
  row("claude-opus-5-5", "2026-09-22", 4, 20, 0.2),
  row("claude-opus-5", "2026-07-24", 5, 25, 0.5),
  row("claude-opus-4-8", "2026-10-24", 5, 25, 0.5),
  row("claude-opus-4-7", "2026-10-24", 5, 25, 0.5),
  row("claude-opus-4-6", "2026-10-24", 5, 25, 0.5),
  row("claude-opus-4-5", "2026-10-24", 5, 25, 0.5),
  row("claude-opus-4-1", "2026-10-24", 15, 75, 1.5),
  row("claude-opus-4", "2026-10-24", 15, 75, 1.5),
  row("claude-sonnet-5-5", "2026-09-28", 2, 10, 0.2, "2026-10-07"),
  row("claude-sonnet-5-5", "2026-10-07", 2, 10, 0.1),
  row("claude-sonnet-5", "2026-10-24", 2, 10, 0.2),
  row("claude-sonnet-4-6", "2026-10-24", 3, 15, 0.3),
  row("claude-sonnet-4-5", "2026-10-24", 3, 15, 0.3),
  row("claude-sonnet-4", "2026-10-24", 3, 15, 0.3),
  {
    ...row("claude-haiku-5-5", "2026-10-07", 0.1, 0.5, 0.01),
    long: { above: 100_000, dollars: row("", "", 0.5, 2.5, 0.05).dollars },
  },
  row("claude-haiku-4-5", "2026-10-24", 1, 5, 0.1),
];

/** Thousandths of a micro-dollar for one token, which is dollars per million times a thousand: always whole. */
type Rates = Dollars;

export interface Price {
  provider: ProviderName;
  /** Model of the table whose price is used. */
  model: string;
  /** False when the table has no price of the model for that day and a dearer one stands in. */
  known: boolean;
  /** First day on which it holds, and first on which it does not; empty and null where there are no days. */
  from: string;
  until: string | null;
  source: string;
  /** One sentence for pages when the price is not the model's own, else null. */
  note: string | null;
  rates: Rates;
  long: { above: number; rates: Rates } | null;
}

function ratesOf(dollars: Dollars): Rates {
  const thousandths = (value: number) => Math.round(value * 1000);
  return {
    input: thousandths(dollars.input),
    output: thousandths(dollars.output),
    cacheRead: thousandths(dollars.cacheRead),
    cacheWrite: thousandths(dollars.cacheWrite),
  };
}

const FREE: Dollars = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };

/** The day (UTC) of a moment, as the table writes days. */
const dayOf = (at: Date) => at.toISOString().slice(0, 10);

/**
 * The price of a model for a call that begins at `at`. An unknown Claude model, and one whose price has run out without
 * a known next one, cost what the dearest does on that day: the cap then holds too early and never too late.
 */
export function priceOf(
  provider: ProviderName,
  model: string,
  at: Date = new Date(),
  table: readonly Row[] = CLAUDE,
): Price {
  if (provider === "ollama") {
    return plain({ provider, model, source: "local", note: "A local model costs nothing per token." }, FREE);
  }
  if (provider === "simulation") {
    const note =
      "Nobody is paid: simulation is charged like a small model, so that cost and caps can be seen.";
    return plain({ provider, model, source: "Fabrica", note }, row("", "", 1, 5, 0.1).dollars);
  }
  const day = dayOf(at);
  const wanted = plainName(model);
  const rows = table.filter((entry) => entry.model === wanted);
  const found = rowFor(rows, day);
  const used = found ?? dearestOn(table, day);
  const missing = rows.length > 0 ? `has no price for ${day} here` : "has no known price here";
  return {
    provider,
    model: used.model,
    known: found !== null,
    from: used.from,
    until: used.until,
    source: SOURCE,
    note: found ? null : `${model} ${missing}; it is charged like ${used.model}, the dearest.`,
    rates: ratesOf(used.dollars),
    long: used.long ? { above: used.long.above, rates: ratesOf(used.long.dollars) } : null,
  };
}

/** Of one model's rows the one that holds on `day`: the first of them before it begins, none after the last has ended. */
function rowFor(rows: readonly Row[], day: string): Row | null {
  const inOrder = [...rows].sort((a, b) => (a.from < b.from ? -1 : 1));
  const latest = inOrder.findLast((entry) => entry.from <= day) ?? inOrder[0];
  if (!latest || (latest.until !== null && latest.until <= day)) return null;
  return latest;
}

function dearestOn(table: readonly Row[], day: string): Row {
  const now = table.filter((entry) => entry.until === null || entry.until > day);
  return (now.length > 0 ? now : table).reduce((dearest, entry) =>
    entry.dollars.output > dearest.dollars.output ? entry : dearest,
  );
}

function plain(head: Pick<Price, "provider" | "model" | "source" | "note">, dollars: Dollars): Price {
  return { ...head, known: true, from: "", until: null, rates: ratesOf(dollars), long: null };
}

/** Takes away what a name may carry around the model: a vendor before it, a date or a variant behind it. */
function plainName(model: string): string {
  return model
    .toLowerCase()
    .replace(/^.*(?=claude-)/, "")
    .replace(/\[[^\]]*\]$/, "")
    .replace(/[-@]\d{8}$/, "")
    .replace(/-latest$/, "");
}

/** Micro-dollars of a call, rounded up. Tokens that are no whole positive numbers count as they can at worst: rounded up, or none. */
export function costMicro(price: Price, usage: Usage): number {
  const input = whole(usage.input);
  const output = whole(usage.output);
  const cacheRead = whole(usage.cacheRead);
  const cacheWrite = whole(usage.cacheWrite);
  const prompt = input + cacheRead + cacheWrite;
  const rates = price.long && prompt > price.long.above ? price.long.rates : price.rates;
  const thousandths =
    input * rates.input + output * rates.output + cacheRead * rates.cacheRead + cacheWrite * rates.cacheWrite;
  return Math.ceil(thousandths / 1000);
}

/**
 * Micro-dollars that a call can cost at most: its whole prompt at the dearest way of reading it, its whole answer.
 * `inputTokens` must itself be an upper bound of the prompt.
 */
export function upperBoundMicro(price: Price, call: { inputTokens: number; maxTokens: number }): number {
  const input = whole(call.inputTokens);
  const rates = ratesAtMost(price, input);
  return Math.ceil((input * dearestInput(rates) + whole(call.maxTokens) * rates.output) / 1000);
}

/**
 * How many tokens of answer `micro` buys after a prompt of `inputTokens` (0 when not even that is bought).
 * `upperBoundMicro` of the result never exceeds `micro`. A free model answers with Number.MAX_SAFE_INTEGER.
 */
export function tokensFor(price: Price, micro: number, inputTokens = 0): number {
  const input = whole(inputTokens);
  const rates = ratesAtMost(price, input);
  if (rates.output === 0) return Number.MAX_SAFE_INTEGER;
  const left = Math.floor(micro) * 1000 - input * dearestInput(rates);
  return Math.max(0, Math.floor(left / rates.output));
}

function ratesAtMost(price: Price, inputTokens: number): Rates {
  return price.long && inputTokens > price.long.above ? price.long.rates : price.rates;
}

function dearestInput(rates: Rates): number {
  return Math.max(rates.input, rates.cacheRead, rates.cacheWrite);
}

function whole(tokens: number): number {
  return Number.isFinite(tokens) && tokens > 0 ? Math.ceil(tokens) : 0;
}
