/**
 * Fabrica by its own services with every policy on. A cycle is createJob (the whole service: row, event, wake-up),
 * claimJob (gate, lease, fence, move to running, two events, engine start in the outbox, worker, counters) and the move
 * that completes the job (state, lease, fence, two events, worker, counters, dependents).
 */
import { connect, db as ofProcess } from "@/server/db";
import { createJobInput } from "@/server/domain/inputs";
import { ANY_RUNNER } from "@/server/domain/needs";
import { listener } from "@/server/events/listen";
import { createJob } from "@/server/services/jobs/create-job";
import { moveAlone } from "@/server/services/jobs/move-job";
import type { QueueLimits } from "@/server/services/limits/queue-limits";
import { claimJob, lookForJob } from "@/server/services/queue/claim-job";
import { waitInLine } from "@/server/services/queue/claim-line";
import { addTeam, addWorkers } from "@/tests/support/settings";
import { Arrivals, type Contender } from "./contender";

/** Jobs made by one statement. */
const FILL = 20_000;

export async function startOurs(
  url: string,
  loops: number,
  name: string,
  limits: QueueLimits,
): Promise<Contender> {
  // The factory's own client where it is the factory's database: a process tells itself what it has done.
  const db = url === process.env.DATABASE_URL ? ofProcess() : connect(url, loops);
  const ctx = await addTeam(db, "bench");
  const workers = await addWorkers(db, loops + 1);
  // What the API has parsed by then.
  const input = (title: string, priority: number) => createJobInput.parse({ title, priority });
  const filled = input("filled", 3);
  const arrivals = new Arrivals();
  let names = 0;
  const claim = async (loop: number) => {
    const job = await claimJob(db, workers[loop] as string, 60, limits);
    if (job) arrivals.arrived(job.title);
    return job;
  };
  const complete = (job: { id: bigint }) =>
    moveAlone(db, { job: job.id, move: "correction_done", actor: "factory" });
  return {
    name,
    async fill(waiting) {
      // In parts, because the client takes a long silence for a lost server.
      for (
        let left = waiting - (await db.job.count({ where: { claimable: true } }));
        left > 0;
        left -= FILL
      ) {
        await db.$executeRaw`
          WITH made AS (
            INSERT INTO job (public_id, team_id, state, title, description, rank, claimable, queued_at, budget_micro_usd, last_seq)
            SELECT 'JOB-FILL-' || nextval('job_id_seq'), ${ctx.actor.teamId}, 'pending', 'filled', '',
              (extract(epoch FROM now()) * 1000)::bigint + 32 * 3600000, true, now(), 5000000, 1
            FROM generate_series(1, ${Math.min(left, FILL)}::int) RETURNING id
          )
          INSERT INTO job_event (job_id, seq, run, type, data) SELECT id, 1, 1, 'job.created', '{}' FROM made`;
      }
      for (const table of ["job", "job_event", "worker", "outbox", "queue_tally"])
        await db.$executeRawUnsafe(`VACUUM ANALYZE ${table}`);
    },
    async cycle(loop) {
      await createJob({ ctx, input: filled });
      const job = await claim(loop);
      if (job) await complete(job);
    },
    async urgent() {
      const title = `urgent ${names++}`;
      const arrived = arrivals.expect(title);
      const start = performance.now();
      await createJob({ ctx, input: input(title, 1) });
      return (await arrived) - start;
    },
    async wake() {
      await db.$executeRaw`UPDATE job SET claimable = false WHERE claimable`;
      const title = `wake ${names++}`;
      const arrived = arrivals.expect(title);
      const over = new AbortController();
      let looked = (): void => undefined;
      const waits = new Promise<void>((resolve) => {
        looked = resolve;
      });
      const claimed = waitInLine(
        async () => {
          const found = await lookForJob(db, workers[loops] as string, 60, limits);
          if (typeof found !== "string") arrivals.arrived(found.job.title);
          looked();
          return found;
        },
        { waitMs: 10_000, signal: over.signal, offers: [ANY_RUNNER] },
      );
      // It has looked once in vain and waits now.
      await waits;
      const start = performance.now();
      await createJob({ ctx, input: input(title, 3) });
      const at = await arrived;
      const job = await claimed;
      if (job) await complete(job);
      return at - start;
    },
    async close() {
      await listener().close();
      await db.$disconnect();
    },
  };
}
