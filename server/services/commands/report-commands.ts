// What a worker says of its commands: live output by sequence number, and the one result of each.
// One look without a lock, then one statement that stores all of it or nothing: every command passes through here.
import type { CommandResult, CommandSpec, OutputChunk, ReportItem } from "../../../runner/protocol";
import type { Db } from "../../db";
import { AppError } from "../../domain/errors";
import type { NewJobEvent } from "../../domain/events";
import { plainText } from "../../domain/plain-json";
import { ANNOUNCED, appending } from "../../events/append";
import { type CommandState, Prisma } from "../../generated/prisma/client";
import { OUTBOX_CHANNEL } from "../outbox/add-to-outbox";
import { requireLease } from "../queue/held-lease";
import { redactAll } from "../redact";
import { redactPart, redactRest } from "../redact-stream";
import { resultNote } from "./result-note";

/** Channel on which finished commands are announced; the payload is the command id. */
export const FINISHED_CHANNEL = "fabrica_finished";
/** How often a report is tried that another one of the same worker overtook between look and statement. */
const MAX_TRIES = 5;

export interface CommandReport {
  worker: string;
  job: string;
  fence: number;
  items: readonly ReportItem[];
}

/** The few columns that matter here; a row carries the whole of a command's input and output. */
interface KnownCommand {
  id: string;
  state: CommandState;
  pinned: boolean;
  next_chunk: number;
  held_stdout: string;
  held_stderr: string;
  kind: CommandSpec["kind"];
}

type Held = Record<OutputChunk["stream"], string>;

/** What a report adds to a command. */
interface News {
  command: KnownCommand;
  /** Number of the chunk that is expected after these. */
  next: number;
  /** Output that may be shown, free of credentials. */
  shown: Pick<OutputChunk, "stream" | "text">[];
  held: Held;
  result: CommandResult | null;
}

/**
 * Stores output and results. Chunks that are known are ignored, and so is a second result.
 * @throws AppError as requireLease; `not_found` (a command of another job or lease); `conflict` (a chunk is missing before these); `bad_request` (a command twice)
 */
export async function reportCommands(db: Db, report: CommandReport): Promise<void> {
  const ids = report.items.map((item) => item.command_id);
  if (new Set(ids).size < ids.length) throw new AppError("bad_request", "A report names a command twice.");
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const known = await knownCommands(db, report, ids);
    const news = report.items.map((item) => newsOf(item, known)).filter((one) => one !== null);
    if (news.length === 0 || (await store(db, report, news))) return;
  }
  throw new AppError("conflict", "The commands are being reported by somebody else at the same time.");
}

async function knownCommands(
  db: Db,
  { worker, job, fence }: CommandReport,
  ids: readonly string[],
): Promise<Map<string, KnownCommand>> {
  const rows = await db.$queryRaw<KnownCommand[]>`
    SELECT c.id, c.state, c.pinned, c.next_chunk, c.held_stdout, c.held_stderr, c.spec->>'kind' AS kind
    FROM job j JOIN command c ON c.job_id = j.id AND c.fence = j.fence AND c.id = ANY(${[...ids]}::text[])
    WHERE j.public_id = ${job} AND j.lease_worker_id = ${worker} AND j.fence = ${fence}`;
  if (rows.length < ids.length) {
    await requireLease(db, worker, job, fence);
    throw new AppError("not_found", "There is no such command under this lease.");
  }
  return new Map(rows.map((row) => [row.id, row]));
}

function newsOf({ command_id, chunks, result }: ReportItem, known: Map<string, KnownCommand>): News | null {
  const command = known.get(command_id);
  if (command?.state !== "running") return null;
  const fresh: OutputChunk[] = [];
  for (const chunk of [...chunks].sort((a, b) => a.seq - b.seq)) {
    const next = command.next_chunk + fresh.length;
    if (chunk.seq < next) continue;
    if (chunk.seq > next) throw new AppError("conflict", `Output chunk ${next} is missing.`);
    fresh.push(chunk);
  }
  if (fresh.length === 0 && !result) return null;
  const next = command.next_chunk + fresh.length;
  return { command, next, ...shownOf(command, fresh, result !== null), result: result && redactAll(result) };
}

/** A credential may begin in one chunk and end in the next, so the end of a chunk may have to wait for that. */
function shownOf(
  { held_stdout, held_stderr }: KnownCommand,
  chunks: readonly OutputChunk[],
  ended: boolean,
): Pick<News, "shown" | "held"> {
  const held: Held = { stdout: held_stdout, stderr: held_stderr };
  const shown: News["shown"] = [];
  for (const { stream, text } of chunks) {
    const part = redactPart(held[stream], text);
    held[stream] = part.held;
    shown.push({ stream, text: part.text });
  }
  for (const stream of ["stdout", "stderr"] as const) {
    if (!ended) continue;
    shown.push({ stream, text: redactRest(held[stream]) });
    held[stream] = "";
  }
  return { shown: shown.filter(({ text }) => text !== ""), held };
}

/** False when a command was not any more as it had been seen, or the lease is gone: then nothing is stored. */
async function store(db: Db, { worker, job, fence }: CommandReport, news: readonly News[]): Promise<boolean> {
  const given = JSON.stringify(
    news.map(({ command, next, held, result }) => ({
      id: command.id,
      seen: command.next_chunk,
      next,
      out: plainText(held.stdout),
      err: plainText(held.stderr),
      result,
    })),
  );
  const whole = Prisma.sql`SELECT id FROM held WHERE (SELECT count(*) FROM open) = ${news.length}::int`;
  const told = await db.$queryRaw<unknown[]>`
    WITH held AS (
      SELECT id FROM job
      WHERE public_id = ${job} AND lease_worker_id = ${worker} AND fence = ${fence} FOR UPDATE
    ), given AS (
      SELECT * FROM jsonb_to_recordset(${given}::jsonb) AS g(id text, seen int, next int, out text, err text, result jsonb)
    ), open AS (
      SELECT c.id FROM command c JOIN given g ON g.id = c.id JOIN held ON held.id = c.job_id
      WHERE c.state = 'running' AND c.fence = ${fence} AND c.next_chunk = g.seen FOR UPDATE OF c
    ), changed AS (
      UPDATE command c SET
        next_chunk = g.next, held_stdout = g.out, held_stderr = g.err,
        state = CASE WHEN g.result IS NULL THEN c.state ELSE 'finished' END,
        result = COALESCE(g.result, c.result),
        finished_at = CASE WHEN g.result IS NULL THEN c.finished_at ELSE now() END
      FROM given g WHERE g.id = c.id AND c.job_id IN (${whole})
      RETURNING c.id, c.awaited, g.result IS NOT NULL AS ended
    ), told AS (
      INSERT INTO outbox (id, name, data)
      SELECT 'finished:' || id, 'command/finished', jsonb_build_object('job', ${job}::text, 'command', id)
      FROM changed WHERE ended AND awaited ON CONFLICT (id) DO NOTHING RETURNING id
    ), ${appending(whole, news.flatMap(eventsOf), headOf(news))}
    ${ANNOUNCED}
    UNION ALL SELECT pg_notify(${FINISHED_CHANNEL}, id)::text FROM changed WHERE ended
    UNION ALL SELECT pg_notify(${OUTBOX_CHANNEL}, '')::text FROM told`;
  return told.length > 0;
}

/**
 * A snapshot of a turn moves the head together with the turn's observations, any other one here: to the commit that the
 * app itself made of the bundle, whatever the worker says.
 */
function headOf(news: readonly News[]): Prisma.Sql {
  const taken = news.findLast(
    ({ command, result }) => command.kind === "snapshot" && !command.pinned && result?.snapshot,
  );
  if (!taken) return Prisma.empty;
  return Prisma.sql`,
    head_commit = COALESCE((SELECT made_commit FROM command WHERE id = ${taken.command.id}), head_commit)`;
}

function eventsOf({ command, shown, result }: News): NewJobEvent[] {
  const { id } = command;
  const output: NewJobEvent[] = shown.map(({ stream, text }) => ({
    type: "command.output",
    data: { command_id: id, stream, text },
  }));
  if (!result) return output;
  const data = {
    command_id: id,
    exit_code: result.exit_code,
    duration_ms: Math.round(result.duration_ms),
    note: resultNote(result),
  };
  return [...output, { type: "command.finished", data }];
}
