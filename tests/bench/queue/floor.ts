/** The floor: one narrow table, the right index, SKIP LOCKED, prepared statements, nothing else. */
import pg from "pg";
import { Arrivals, type Contender } from "./contender";

const SCHEMA = `
  CREATE TABLE work (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, rank int NOT NULL, payload jsonb NOT NULL,
    claimable boolean NOT NULL DEFAULT true, done boolean NOT NULL DEFAULT false);
  CREATE INDEX work_order ON work (rank, id) WHERE claimable`;

export async function startFloor(url: string, loops: number): Promise<Contender> {
  // One for each that cycles, and one for whoever files an urgent job beside them.
  const pool = new pg.Pool({ connectionString: url, max: loops + 1 });
  await pool.query(SCHEMA);
  const listening = new pg.Client({ connectionString: url });
  await listening.connect();
  await listening.query("LISTEN work");
  const arrivals = new Arrivals();
  let names = 0;
  const add = (rank: number, name = "", notify = false) =>
    pool.query({
      name: notify ? "add-tell" : "add",
      text: notify
        ? "WITH a AS (INSERT INTO work (rank, payload) VALUES ($1, $2)) SELECT pg_notify('work', '')"
        : "INSERT INTO work (rank, payload) VALUES ($1, $2)",
      values: [rank, JSON.stringify({ name })],
    });
  const claim = async (): Promise<string | null> => {
    const { rows } = await pool.query({
      name: "claim",
      text: `UPDATE work SET claimable = false WHERE id = (SELECT id FROM work WHERE claimable ORDER BY rank, id
        FOR UPDATE SKIP LOCKED LIMIT 1) RETURNING id, payload`,
    });
    if (rows[0]) arrivals.arrived(rows[0].payload.name);
    return rows[0]?.id ?? null;
  };
  return {
    name: "floor",
    async fill(waiting) {
      await pool.query(
        "INSERT INTO work (rank, payload) SELECT 10, '{}' FROM generate_series(1, $1::int - (SELECT count(*) FROM work WHERE claimable)::int)",
        [waiting],
      );
      await pool.query("VACUUM ANALYZE work");
    },
    async cycle() {
      await add(10);
      const id = await claim();
      await pool.query({ name: "done", text: "UPDATE work SET done = true WHERE id = $1", values: [id] });
    },
    async urgent() {
      const name = `urgent ${names++}`;
      const arrived = arrivals.expect(name);
      const start = performance.now();
      await add(1, name);
      return (await arrived) - start;
    },
    async wake() {
      await pool.query("DELETE FROM work");
      const name = `wake ${names++}`;
      const arrived = arrivals.expect(name);
      listening.once("notification", () => void claim());
      const start = performance.now();
      await add(10, name, true);
      return (await arrived) - start;
    },
    async close() {
      await listening.end();
      await pool.end();
    },
  };
}
