// The checker finds what it is there to find: a job that went well passes, and each fault that is planted is named.
import pg from "pg";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "@/tests/support/postgres";
import type { Factory } from "@/tests/system/factory";
import { check } from "./check";
import { recoveries, untilAllGoOn } from "./recovery";
import type { Outage } from "./strike";

let database: TestDatabase;
let client: pg.Client;
let factory: Factory;

beforeAll(async () => {
  database = await createTestDatabase();
  client = new pg.Client({ connectionString: database.url });
  await client.connect();
  // Only what the checker uses of a factory; it has no repositories, as none of these jobs says that it is done.
  factory = {
    dataDir: "/nowhere",
    sql: async (text: string, values: unknown[]) => (await client.query(text, values)).rows,
  } as unknown as Factory;
  await client.query(STORY);
});

afterAll(async () => {
  await client.end();
  await database.drop();
});

/** One job with one agent run of one turn and one command, as it should be but for its state. */
const STORY = `
  INSERT INTO team (id, slug, name) VALUES (1, 't', 't');
  INSERT INTO job (id, public_id, team_id, root_id, state, title, description, features, tech_stack, declared_files,
      reference_files, required_patterns, required_tests, budget_micro_usd, spent_micro_usd, fence, last_seq, head_commit)
    VALUES (1, 'JOB-1', 1, 1, 'running', 't', '', '{}', '{}', '{}', '{}', '{}', '{}', 5000000, 70, 2, 5, 'c1');
  INSERT INTO agent_run (id, job_id, run, key, role, provider, model, prompt, turns, spent_micro_usd)
    VALUES (1, 1, 1, 'task-1/coder', 'coder', 'simulation', 'sim-1', '{}', 1, 70);
  INSERT INTO turn (agent_run_id, n, answer, usage, cost_micro_usd, fence, commit, model_ms, finished_at)
    VALUES (1, 1, '{}', '{}', 70, 1, 'c1', 1, now());
  INSERT INTO spend (key, team_id, root_job_id, job_id, run, agent_run, turn, role, provider, model, day, state, reserved_micro, cost_micro, deadline)
    VALUES ('JOB-1/1/task-1/coder/1/1', 1, 1, 1, 1, 'task-1/coder', 1, 'coder', 'simulation', 'sim-1', '2026-01-01', 'settled', 100, 70, now());
  INSERT INTO daily_spend (team_id, day, spent_micro, reserved_micro, agent_runs) VALUES (1, '2026-01-01', 70, 0, 1);
  INSERT INTO queue_tally (team_id, lane, hour, shard, claims) VALUES (1, 'owners', '2026-01-01', 0, 1);
  INSERT INTO command (id, job_id, run, key, state, spec, fence, worker_id)
    VALUES ('cmd-1', 1, 1, 'task-1/0/test', 'finished', '{}', 1, 'worker-1');
  INSERT INTO job_event (job_id, seq, run, type, data, at) VALUES
    (1, 1, 1, 'job.created', '{}', '2026-01-01 00:00:00Z'),
    (1, 2, 1, 'lease.claimed', '{"worker_id": "worker-1", "fence": 1}', '2026-01-01 00:01:00Z'),
    (1, 3, 1, 'workspace.committed', '{"commit": "c1"}', '2026-01-01 00:01:02Z'),
    (1, 4, 1, 'command.finished', '{"command_id": "cmd-1"}', '2026-01-01 00:01:03Z'),
    (1, 5, 1, 'lease.lost', '{"worker_id": "worker-1", "fence": 1}', '2026-01-01 00:01:23Z');`;

it("finds nothing in a job that went well, but that it is not over", async () => {
  expect(await check(factory, ["JOB-1"], false)).toEqual([]);
  expect(await check(factory, ["JOB-1"], true)).toEqual([
    "lost: a job that did not complete: JOB-1 is running in no step (no error)",
  ]);
});

it.each([
  [
    "an acknowledged job that is gone",
    "DELETE FROM job_event; DELETE FROM command; DELETE FROM agent_run; DELETE FROM job",
    "lost",
  ],
  ["a job that nobody knows of", "UPDATE job SET public_id = 'JOB-2'", "filed twice"],
  ["a second settled call of a turn", SECOND_CALL(), "charged twice"],
  ["a turn of another cost", "UPDATE turn SET cost_micro_usd = 71", "charged twice"],
  ["an agent run of another cost", "UPDATE agent_run SET spent_micro_usd = 71", "an agent run's cost"],
  ["a day of another cost", "UPDATE daily_spend SET spent_micro = 71", "the day's cost"],
  ["a job of another cost", "UPDATE job SET spent_micro_usd = 71", "the job's cost"],
  ["a reservation that was never given back", "UPDATE job SET reserved_micro_usd = 1", "what is reserved"],
  [
    "a day's reservation that was never given back",
    "UPDATE daily_spend SET reserved_micro = 1",
    "the day's cost",
  ],
  ["an agent run that was counted twice", "UPDATE daily_spend SET agent_runs = 2", "the day's count"],
  ["a command of another worker", "UPDATE command SET worker_id = 'worker-2'", "stale"],
  ["a command under a later lease", "UPDATE command SET fence = 2", "stale"],
  [
    "a command after the lease",
    "UPDATE job_event SET seq = 6 WHERE seq = 4; UPDATE job SET last_seq = 6",
    "stale",
  ],
  ["a commit under a later lease", "UPDATE turn SET fence = 2", "stale"],
  ["a gap in the log", "DELETE FROM job_event WHERE seq = 3", "the log has a gap"],
  ["a delivery twice", DELIVERIES(), "delivered twice"],
  ["a claim that was counted twice", "UPDATE queue_tally SET claims = 2", "the queue's kept counters"],
  ["a job that was counted twice", "UPDATE queue_tally SET completed = 1", "the queue's kept counters"],
  [
    "an event that was never sent",
    "INSERT INTO outbox (id, name, data) VALUES ('e', 'e', '{}')",
    "an event for the engine",
  ],
])("names %s", async (_, plant, fault) => {
  await client.query("BEGIN");
  try {
    await client.query(plant);
    const faults = await check(factory, ["JOB-1"], true);
    expect(faults.filter((one) => !one.startsWith("lost: a job that did not"))).toContainEqual(
      expect.stringMatching(new RegExp(`^${fault}`)),
    );
  } finally {
    await client.query("ROLLBACK");
  }
});

function SECOND_CALL(): string {
  return `INSERT INTO spend (key, team_id, root_job_id, job_id, run, role, provider, model, day, state, reserved_micro, cost_micro, deadline)
    SELECT 'JOB-1/1/task-1/coder/1/2', team_id, root_job_id, job_id, run, role, provider, model, day, state, 0, 0, deadline FROM spend`;
}

function DELIVERIES(): string {
  return `UPDATE job SET state = 'completed', run = 2; INSERT INTO delivery (job_id, run, target, commit, delivered_at)
    SELECT 1, run, target, 'c1', now() FROM unnest(ARRAY['repository', 'folder', 'zip']) AS target, generate_series(1, 2) AS run`;
}

it("counts as recovery only the part of a silence that the factory had to itself", async () => {
  const at = (seconds: number) => Date.parse("2026-01-01T00:01:00Z") + seconds * 1000;
  const outage = (began: number, ended: number) => ({ began: at(began), ended: at(ended) }) as Outage;
  const longest = async (...outages: Outage[]) => (await recoveries(factory, ["JOB-1"], outages))[0];
  expect(await longest()).toMatchObject({
    job: "JOB-1",
    ms: 20_000,
    before: "command.finished",
    after: null,
  });
  expect((await longest(outage(4, 9)))?.ms).toBe(14_000);
  expect((await longest(outage(4, 9), outage(5, 5)))?.ms).toBe(14_000);
  expect((await longest(outage(0, 1), outage(40, 41)))?.after).toBeNull();
  expect((await longest(outage(10, 30)))?.ms).toBe(2_000); // Then the silence before it is the longest.
});

it("counts the wait for a worker only from when one became free", async () => {
  await client.query("BEGIN");
  try {
    const waited = async () => (await recoveries(factory, ["JOB-1"], []))[0]?.ms;
    await client.query(`
      INSERT INTO job_event (job_id, seq, run, type, data, at)
        VALUES (1, 6, 1, 'lease.claimed', '{"worker_id": "worker-2", "fence": 2}', '2026-01-01 00:02:03Z');
      INSERT INTO job (id, public_id, team_id, root_id, state, title, description, features, tech_stack, declared_files,
          reference_files, required_patterns, required_tests, budget_micro_usd, last_seq)
        VALUES (2, 'JOB-2', 1, 2, 'completed', 't', '', '{}', '{}', '{}', '{}', '{}', '{}', 5000000, 1)`);
    expect(await waited()).toBe(40_000);
    await client.query(`
      INSERT INTO job_event (job_id, seq, run, type, data, at)
        VALUES (2, 1, 1, 'job.moved', '{"to": "completed"}', '2026-01-01 00:01:38Z')`);
    expect(await waited()).toBe(25_000);
    await client.query(`
      INSERT INTO job (id, public_id, team_id, root_id, state, title, description, features, tech_stack, declared_files,
          reference_files, required_patterns, required_tests, budget_micro_usd, last_seq)
        SELECT id, 'JOB-' || id, 1, id, 'running', 't', '', '{}', '{}', '{}', '{}', '{}', '{}', 5000000, 2
        FROM unnest('{3,4}'::bigint[]) id;
      INSERT INTO job_event (job_id, seq, run, type, data, at)
        VALUES (3, 1, 1, 'job.moved', '{"to": "completed"}', '2026-01-01 00:02:00Z')`);
    expect(await waited()).toBe(20_000); // Another silence is the longest then.
    // The worker that was free at 1:38 went to a job that nobody had begun.
    await client.query(`
      INSERT INTO job_event (job_id, seq, run, type, data, at)
        VALUES (4, 1, 1, 'lease.claimed', '{"worker_id": "worker-3", "fence": 1}', '2026-01-01 00:01:39Z')`);
    expect(await waited()).toBe(25_000);
  } finally {
    await client.query("ROLLBACK");
  }
});

it("counts a job that goes from worker to worker, and on in nothing, as one that stands still", async () => {
  const still = () => untilAllGoOn(factory, Date.parse("2026-06-01T00:00:00Z"), 0, async () => undefined);
  await client.query("BEGIN");
  try {
    const happens = (type: string) =>
      client.query(
        `INSERT INTO job_event (job_id, seq, run, type, data, at)
          SELECT 1, max(seq) + 1, 1, $1, '{}', '2026-06-02T00:00:00Z' FROM job_event WHERE job_id = 1`,
        [type],
      );
    await client.query("UPDATE job SET state = 'running'");
    await happens("lease.claimed");
    expect(await still()).toEqual(["JOB-1"]);
    await happens("job.step");
    expect(await still()).toEqual(expect.any(Number));
  } finally {
    await client.query("ROLLBACK");
  }
});
