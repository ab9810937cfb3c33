/** graphile-worker with its own runner: what a cycle enqueues is a job, what it waits for is the end of any job. */
import { type Job, Logger, makeWorkerUtils, type Runner, run } from "graphile-worker";
import pg from "pg";
import { Arrivals, type Contender } from "./contender";

const quiet = new Logger(() => () => undefined);

export async function startGraphile(url: string, loops: number): Promise<Contender> {
  const pool = new pg.Pool({ connectionString: url, max: loops + 4 });
  pool.on("error", () => undefined);
  const utils = await makeWorkerUtils({ pgPool: pool, logger: quiet });
  await utils.migrate();
  const arrivals = new Arrivals();
  const waiting: (() => void)[] = [];
  let ended = 0;
  let names = 0;
  let runner: Promise<Runner> | null = null;
  /** One runner, however many loops find none at the same moment. */
  const begin = (): Promise<Runner> => {
    runner ??= start();
    return runner;
  };
  const start = async () => {
    const started = await run({
      pgPool: pool,
      logger: quiet,
      concurrency: loops,
      pollInterval: 1_000,
      noHandleSignals: true,
      taskList: { work: async (payload) => arrivals.arrived((payload as { name: string }).name) },
    });
    started.events.on("job:complete", () => {
      const next = waiting.shift();
      if (next) next();
      else ended++;
    });
    return started;
  };
  /** Else it would work its backlog off while the others are measured. */
  const rest = async () => {
    await (await runner)?.stop();
    runner = null;
    ended = 0;
  };
  const oneEnded = () => {
    if (ended > 0) {
      ended--;
      return Promise.resolve();
    }
    return new Promise<void>((resolve) => waiting.push(resolve));
  };
  const add = (name: string, priority: number): Promise<Job> => utils.addJob("work", { name }, { priority });
  return {
    name: "graphile-worker",
    rest,
    async fill(count) {
      await rest();
      await add("first", 0);
      await pool.query(
        `INSERT INTO graphile_worker._private_jobs (task_id, payload)
         SELECT (SELECT id FROM graphile_worker._private_tasks WHERE identifier = 'work'), '{"name":""}'
         FROM generate_series(1, $1::int - (SELECT count(*) FROM graphile_worker._private_jobs)::int)`,
        [count],
      );
      await pool.query("VACUUM ANALYZE graphile_worker._private_jobs");
    },
    async cycle() {
      await begin();
      await add("", 0);
      await oneEnded();
    },
    async urgent() {
      const name = `urgent ${names++}`;
      const arrived = arrivals.expect(name);
      const start = performance.now();
      await add(name, -10);
      return (await arrived) - start;
    },
    async wake() {
      if (!runner) await pool.query("DELETE FROM graphile_worker._private_jobs");
      await begin();
      const name = `wake ${names++}`;
      const arrived = arrivals.expect(name);
      const start = performance.now();
      await add(name, 0);
      return (await arrived) - start;
    },
    async close() {
      // Ends are written in batches behind the jobs; a pool that was closed before that would throw into nowhere.
      await (await runner)?.stop();
      for (let left = 1; left > 0; ) {
        const { rows } = await pool.query(
          "SELECT count(*)::int AS n FROM graphile_worker._private_jobs WHERE locked_by IS NOT NULL",
        );
        left = rows[0].n;
      }
      await utils.release();
    },
  };
}
