/** pg-boss by its own calls: send, fetch, complete. It has no wake-up, so waking it is not measured. */
import pg from "pg";
import PgBoss from "pg-boss";
import { Arrivals, type Contender } from "./contender";

const QUEUE = "work";

export async function startBoss(url: string, loops: number): Promise<Contender> {
  const boss = new PgBoss({ connectionString: url, max: loops, supervise: false, schedule: false });
  boss.on("error", (error) => console.error(error));
  await boss.start();
  await boss.createQueue(QUEUE);
  const pool = new pg.Pool({ connectionString: url, max: 1 });
  const arrivals = new Arrivals();
  let names = 0;
  return {
    name: "pg-boss",
    async fill(waiting) {
      await pool.query(
        `INSERT INTO pgboss.job (name, data) SELECT '${QUEUE}', '{"name":""}'
         FROM generate_series(1, $1::int - (SELECT count(*) FROM pgboss.job WHERE state = 'created')::int)`,
        [waiting],
      );
      await pool.query("VACUUM ANALYZE pgboss.job");
    },
    async cycle() {
      await boss.send(QUEUE, { name: "" });
      const [job] = await boss.fetch<{ name: string }>(QUEUE);
      if (!job) return;
      arrivals.arrived(job.data.name);
      await boss.complete(QUEUE, job.id);
    },
    async urgent() {
      const name = `urgent ${names++}`;
      const arrived = arrivals.expect(name);
      const start = performance.now();
      await boss.send(QUEUE, { name }, { priority: 10 });
      return (await arrived) - start;
    },
    wake: () => Promise.resolve(Number.NaN),
    async close() {
      await boss.stop({ graceful: false });
      await pool.end();
    },
  };
}
