// The contract between an agent and its host: JSON lines `{v:1,type,ts,…}` on standard output. Invariant: whatever an
// agent prints becomes events of the protocol within its limits, or is counted as unreadable; nothing it prints throws.
import { z } from "zod";
import { beginningOf } from "../excerpt";
import { type ExternalEvent, externalEvent } from "../protocol";

/** A longer line is unreadable. */
export const MAX_LINE_BYTES = 256 * 1024;
const SAMPLE_CHARS = 200;

const line = z.looseObject({ v: z.literal(1), type: z.string().min(1).max(100) });
const words = z.string().catch("");
const amount = z.coerce.number().nonnegative().catch(0);
const tokens = z
  .union([
    z.number().nonnegative(),
    z
      .record(z.string(), z.unknown())
      .transform((parts) =>
        Object.values(parts).reduce<number>(
          (sum, part) => sum + (typeof part === "number" && part > 0 ? part : 0),
          0,
        ),
      ),
  ])
  .catch(0);

/** What each type must bring; texts are cut to what the protocol takes. */
const KNOWN: Readonly<Record<string, z.ZodType<ExternalEvent>>> = {
  started: z.object({ agent: z.string().optional() }).transform(({ agent }) => ({
    type: "started",
    agent: agent === undefined ? null : beginningOf(agent, 200),
  })),
  iteration: z.object({ n: z.number().int().nonnegative() }).transform(({ n }) => ({ type: "iteration", n })),
  task: z
    .object({ id: z.union([z.string(), z.number()]), done: z.boolean().default(false) })
    .transform(({ id, done }) => ({ type: "task", id: beginningOf(String(id), 300), done })),
  lock: z.object({ files: z.array(z.string().min(1)).min(1) }).transform(({ files }) => ({
    type: "lock",
    files: files.filter(({ length }) => length <= 1_000).slice(0, 100),
  })),
  learning: z.object({ kind: words, text: z.string().min(1) }).transform(({ kind, text }) => ({
    type: "learning",
    kind: beginningOf(kind, 60),
    text: beginningOf(text, 4_000),
  })),
  usage: z.object({ tokens, cost: amount }).transform((usage) => ({ type: "usage", ...usage })),
  commit: z
    .object({ sha: z.string().min(1) })
    .transform(({ sha }) => ({ type: "commit", sha: beginningOf(sha, 100) })),
  stuck: z.object({ reason: words }).transform(({ reason }) => ({
    type: "stuck",
    reason: beginningOf(reason || "no reason was given", 2_000),
  })),
  completed: z
    .object({ summary: words })
    .transform(({ summary }) => ({ type: "completed", summary: beginningOf(summary, 4_000) })),
  failed: z.object({ reason: words }).transform(({ reason }) => ({
    type: "failed",
    reason: beginningOf(reason || "no reason was given", 2_000),
  })),
};

/** The event of one line; null when the line follows no contract. A type that is not known is kept as it is. */
export function parseEvent(text: string): ExternalEvent | null {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const parsed = line.safeParse(value);
  if (!parsed.success) return null;
  const { v: _, ts: __, type, ...data } = parsed.data;
  const known = Object.hasOwn(KNOWN, type) ? KNOWN[type] : undefined;
  if (!known)
    return { type: "unknown", name: beginningOf(type, 100), data: beginningOf(JSON.stringify(data), 2_000) };
  const event = known.safeParse(data);
  if (!event.success) return null;
  const checked = externalEvent.safeParse(event.data);
  return checked.success ? checked.data : null;
}

/** What one line means: any number of events, or null when it cannot be read. */
export type ReadLine = (text: string) => ExternalEvent[] | null;

/** The contract itself. */
export const readContract: ReadLine = (text) => {
  const event = parseEvent(text);
  return event && [event];
};

/** Takes an agent's standard output apart. */
export class EventReader {
  private rest: Buffer = Buffer.alloc(0);
  /** The line under way is too long; it counts once, at its end. */
  private skipping = false;
  private invalid = 0;
  private sample = "";

  constructor(
    private readonly read: ReadLine,
    private readonly take: (event: ExternalEvent) => void,
  ) {}

  write(data: Buffer): void {
    let from = 0;
    for (let end = data.indexOf(10); end !== -1; end = data.indexOf(10, from)) {
      this.append(data.subarray(from, end));
      this.endLine();
      from = end + 1;
    }
    this.append(data.subarray(from));
  }

  /** No more comes. */
  end(): void {
    this.endLine();
    this.tellInvalid();
  }

  private append(part: Buffer): void {
    if (this.skipping || part.length === 0) return;
    if (this.rest.length + part.length > MAX_LINE_BYTES) {
      this.skipping = true;
      this.sample ||= beginningOf(this.rest.toString("utf8"), SAMPLE_CHARS);
      this.rest = Buffer.alloc(0);
    } else this.rest = this.rest.length === 0 ? Buffer.from(part) : Buffer.concat([this.rest, part]);
  }

  private endLine(): void {
    const text = this.rest.toString("utf8").trim();
    this.rest = Buffer.alloc(0);
    if (this.skipping) this.invalid += 1;
    else if (text !== "") {
      const events = this.read(text);
      if (events === null) {
        this.invalid += 1;
        this.sample ||= beginningOf(text, SAMPLE_CHARS);
      } else {
        // In order: what could not be read came before this.
        if (events.length > 0) this.tellInvalid();
        for (const event of events) this.take(event);
      }
    }
    this.skipping = false;
  }

  private tellInvalid(): void {
    if (this.invalid === 0) return;
    this.take({ type: "invalid", count: this.invalid, sample: this.sample });
    this.invalid = 0;
    this.sample = "";
  }
}
