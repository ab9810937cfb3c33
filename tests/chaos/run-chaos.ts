/** One round of accidents on a running factory; see kill.ts. */
import { setTimeout as pause } from "node:timers/promises";
import { SETTLED } from "@/server/domain/job-state";
import { auditDatabase, auditDeliveries } from "@/tests/system/audit";
import { Factory, PARTS, type Part } from "@/tests/system/factory";
import { simulated, submit } from "@/tests/system/jobs";
import { type Random, seeded } from "./random";

/** How long a stopped process sleeps at most: longer than a lease, so that it wakes up to find it gone. */
const LONGEST_STOP_MS = 9_000;
/** After the last hit a job counts as lost when no job's log has gone on for this long; leases are 5 s long here. */
const PATIENCE_MS = 60_000;
const POLL_MS = 500;
/** What the jobs' models do; most of them err once, so that fixers are hit as well. */
const MODELS = ["sim-1", "sim-1+test@1", "sim-1+lint@1", "sim-1+garbage@1"];

export interface ChaosOptions {
  jobs: number;
  hits: number;
  /** Milliseconds between two hits on average. */
  everyMs: number;
  seed: number;
  workers: number;
  say?: (line: string) => void;
}

export interface ChaosReport {
  jobs: number;
  hits: number;
  seconds: number;
  states: Record<string, number>;
  /** Hits by kind, such as "SIGKILL app". */
  byKind: Record<string, number>;
  longestSilenceMs: number;
  faults: string[];
}

/** Runs it. @throws when the factory does not start, or leaves processes behind */
export async function runChaos(options: ChaosOptions): Promise<ChaosReport> {
  const { say = () => undefined } = options;
  const began = Date.now();
  const factory = await Factory.start({ workers: options.workers });
  try {
    const hits: number[] = [];
    const filing = fileJobs(factory, options.jobs, seeded(`${options.seed}/jobs`));
    const byKind = await strike(factory, options, seeded(`${options.seed}/hits`), hits, say);
    const ids = await filing;
    say(`all hits done after ${Math.round((Date.now() - began) / 1000)} s; waiting for ${ids.length} jobs`);
    const lost = await untilAllSettled(factory, ids);
    if (lost.length > 0) say(`the last lines of the factory:\n${factory.log(20_000)}`);
    return {
      jobs: ids.length,
      hits: hits.length,
      seconds: (Date.now() - began) / 1000,
      states: await countStates(factory, ids),
      byKind,
      longestSilenceMs: await longestSilence(factory, ids, hits),
      faults: [
        ...lost,
        ...(await auditDatabase(factory, ids)),
        ...(await auditDeliveries(factory, ids)),
        ...(await unexpected(factory, ids)),
      ],
    };
  } catch (error) {
    say(`the last lines of the factory:\n${factory.log(20_000)}`);
    throw error;
  } finally {
    await factory.stop();
  }
}

async function fileJobs(factory: Factory, count: number, random: Random): Promise<string[]> {
  const ids: string[] = [];
  for (let n = 0; n < count; n++) {
    const models = simulated(random.of(MODELS));
    ids.push(await submit(factory, { title: `Word counter ${n + 1}`, models }));
  }
  return ids;
}

async function strike(
  factory: Factory,
  { hits, everyMs }: ChaosOptions,
  random: Random,
  times: number[],
  say: (line: string) => void,
): Promise<Record<string, number>> {
  const byKind: Record<string, number> = {};
  const asleep: Promise<void>[] = [];
  for (let n = 0; n < hits; n++) {
    await pause(everyMs * (0.5 + random.next()));
    const part: Part = random.of(PARTS);
    // A stopped postmaster keeps its backends going; only its death is an accident worth the name.
    const signal = part !== "postgres" && random.next() < 0.35 ? "SIGSTOP" : "SIGKILL";
    const stopMs = 500 + random.next() * LONGEST_STOP_MS;
    const pid = factory.pids()[part];
    if (!factory.signal(part, signal)) continue;
    const kind = `${signal} ${part}`;
    byKind[kind] = (byKind[kind] ?? 0) + 1;
    times.push(Date.now());
    say(`${String(n + 1).padStart(4)} ${kind}${signal === "SIGSTOP" ? ` for ${Math.round(stopMs)} ms` : ""}`);
    if (signal === "SIGSTOP" && pid !== undefined) asleep.push(wakeLater(pid, stopMs));
  }
  await Promise.all(asleep);
  return byKind;
}

async function wakeLater(pid: number, ms: number): Promise<void> {
  await pause(ms);
  try {
    process.kill(pid, "SIGCONT");
  } catch {
    // It was killed in its sleep.
  }
}

/** @returns a line for each job that is not over when nothing moves any more */
async function untilAllSettled(factory: Factory, ids: readonly string[]): Promise<string[]> {
  let giveUp = Date.now() + PATIENCE_MS;
  let written = 0;
  for (;;) {
    const events = await countEvents(factory);
    if (events > written) giveUp = Date.now() + PATIENCE_MS;
    written = events;
    const open = await factory.sql<{ public_id: string; state: string; current_step: string | null }>(
      `SELECT public_id, state, current_step FROM job
        WHERE public_id = ANY($1::text[]) AND state::text <> ALL($2::text[])`,
      [ids, [...SETTLED, "escalated", "paused"]],
    );
    if (open.length === 0) return [];
    if (Date.now() > giveUp) {
      return open.map(
        ({ public_id, state, current_step }) => `lost: ${public_id} is ${state} in ${current_step}`,
      );
    }
    await pause(POLL_MS);
  }
}

async function countEvents(factory: Factory): Promise<number> {
  const [row] = await factory.sql<{ n: string }>("SELECT sum(last_seq) AS n FROM job");
  return Number(row?.n ?? 0);
}

async function countStates(factory: Factory, ids: readonly string[]): Promise<Record<string, number>> {
  const rows = await factory.sql<{ state: string; n: string }>(
    "SELECT state, count(*) AS n FROM job WHERE public_id = ANY($1::text[]) GROUP BY state",
    [ids],
  );
  return Object.fromEntries(rows.map(({ state, n }) => [state, Number(n)]));
}

/** None of these models ends in anything but success, so every other end was caused by the accidents. */
async function unexpected(factory: Factory, ids: readonly string[]): Promise<string[]> {
  const rows = await factory.sql<{
    public_id: string;
    state: string;
    error_code: string;
    error_message: string;
  }>(
    `SELECT public_id, state, error_code, error_message FROM job
      WHERE public_id = ANY($1::text[]) AND state <> 'completed'`,
    [ids],
  );
  return rows.map(
    (row) => `not completed: ${row.public_id} is ${row.state} (${row.error_code}: ${row.error_message})`,
  );
}

/** How long at most until the log of any job went on after a hit, while there were jobs to work on. */
async function longestSilence(
  factory: Factory,
  ids: readonly string[],
  hits: readonly number[],
): Promise<number> {
  const rows = await factory.sql<{ ms: string | null }>(
    `SELECT max(extract(epoch FROM (next.at - hit.at)) * 1000)::bigint AS ms
      FROM unnest($2::float8[]) AS h(ms), LATERAL (SELECT to_timestamp(h.ms / 1000) AS at) hit,
        LATERAL (SELECT min(e.at) AS at FROM job_event e JOIN job j ON j.id = e.job_id
          WHERE j.public_id = ANY($1::text[]) AND e.at > hit.at) next`,
    [ids, hits],
  );
  return Number(rows[0]?.ms ?? 0);
}
