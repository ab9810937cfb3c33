// The whole running factory under accidents: whatever is killed in the middle of a test run is started again, and
// the job completes once. Nothing is lost, delivered twice or charged twice.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { auditDatabase, auditDeliveries } from "./audit";
import { Factory, type Part } from "./factory";
import { isAlive, membersOf } from "./host-processes";
import { post, readJob, simulated, submit, untilJob, untilRunning, untilSettled } from "./jobs";

let factory: Factory;
const jobs: string[] = [];

beforeAll(async () => {
  factory = await Factory.start();
}, 150_000);

afterAll(async () => {
  await factory?.stop();
}, 60_000);

async function file(request: Record<string, unknown> = {}): Promise<string> {
  const id = await submit(factory, request);
  jobs.push(id);
  return id;
}

const erringOnce = { models: simulated("sim-1+test@1") };

async function expectSoundDelivery(id: string): Promise<void> {
  const job = await readJob(factory, id);
  expect(job).toMatchObject({ status: "completed", progress: 1, test_results: { failed: 0 } });
  expect(await auditDatabase(factory, [id])).toEqual([]);
  expect(await auditDeliveries(factory, [id])).toEqual([]);
  // By hand, as whoever got the folder would do it; it throws when a test fails.
  execFileSync("npm", ["test"], { cwd: job.output_path ?? "", stdio: "pipe" });
}

describe("a SIGKILL in the middle of the step test", () => {
  it.each<[string, Part]>([
    ["of the runner", "runner"],
    ["of the engine", "engine"],
    ["of the app", "app"],
    ["of the database", "postgres"],
  ])("%s costs no job", async (_, part) => {
    const id = await file(erringOnce);
    await untilRunning(factory, id, "task-1/0/test");
    const before = factory.pids()[part];
    factory.kill(part);
    await untilSettled(factory, id);
    expect(factory.pids()[part]).not.toBe(before);
    await expectSoundDelivery(id);
  });

  it("of everything at once costs no job either, once the factory is started again", async () => {
    const id = await file(erringOnce);
    await untilRunning(factory, id, "task-1/0/test");
    await factory.crash();
    await factory.startAgain();
    await untilSettled(factory, id);
    await expectSoundDelivery(id);
  }, 120_000);
});

describe("a job of many tasks", () => {
  const six = ["words", "lines", "letters", "sentences", "pages", "titles"].map(
    (what) => `- [ ] Count the ${what} of a text`,
  );

  it("gives every task a run of the engine, and goes on after the engine was killed", async () => {
    const id = await file({ spec: `# Counter\n\n${six.join("\n")}\n` });
    await untilRunning(factory, id, "task-2/0/test");
    factory.kill("engine");
    await untilSettled(factory, id);
    await expectSoundDelivery(id);
    const runs = await factory.sql<{ status: string }>(
      `SELECT r.status FROM engine.run r JOIN engine.event e ON e.id = r.event_id
       WHERE r.function_id LIKE '%run-task' AND e.body LIKE '%' || $1 || '%'`,
      [id],
    );
    expect(runs.map(({ status }) => status)).toEqual(six.map(() => "completed"));
  }, 120_000);
});

describe("people step in", () => {
  it("cancelling a job ends every process of its sandbox within 5 s", async () => {
    const id = await file();
    await untilRunning(factory, id, "task-1/0/lint");
    const sandbox = membersOf(factory.pids().runner ?? -1);
    expect(sandbox).not.toEqual([]);
    await post(factory, `/api/v1/jobs/${id}`, "DELETE");
    await expect.poll(() => sandbox.filter(isAlive), { timeout: 5_000, interval: 50 }).toEqual([]);
    expect((await readJob(factory, id)).status).toBe("cancelled");
    expect(await auditDatabase(factory, [id])).toEqual([]);
    expect(existsSync(`${factory.dataDir}/projects/${id}`)).toBe(false);
  });

  it("a paused job rests without a worker and goes on where it was", async () => {
    const id = await file(erringOnce);
    await untilRunning(factory, id, "task-1/0/test");
    await post(factory, `/api/v1/jobs/${id}/pause`);
    const turns = await turnsOf(id);
    const paused = await readJob(factory, id);
    expect(paused.status).toBe("paused");
    const [row] = await factory.sql("SELECT lease_worker_id FROM job WHERE public_id = $1", [id]);
    expect(row).toEqual({ lease_worker_id: null });
    expect(await turnsOf(id)).toBe(turns);
    await post(factory, `/api/v1/jobs/${id}/resume`);
    await untilSettled(factory, id);
    await expectSoundDelivery(id);
  });
});

async function turnsOf(id: string): Promise<number> {
  const [row] = await factory.sql<{ n: string }>(
    `SELECT count(*) AS n FROM turn t JOIN agent_run r ON r.id = t.agent_run_id JOIN job j ON j.id = r.job_id
      WHERE j.public_id = $1`,
    [id],
  );
  return Number(row?.n);
}

describe("models that misbehave", () => {
  const ids: Record<string, string> = {};

  beforeAll(async () => {
    const requests = {
      stubborn: { models: simulated("sim-1+stubborn@1"), max_fixes: 1 },
      loop: { models: simulated("sim-1+loop@1") },
      garbage: { models: simulated("sim-1+garbage@1") },
      unknown: { models: simulated("sim-1+nonsense@1") },
      poor: { budget_usd: 0.01 },
    };
    for (const [name, request] of Object.entries(requests)) ids[name] = await file(request);
  });

  const jobOf = (name: string) => ids[name] ?? "";

  it("a fixer that does not help ends the job with its last commit kept", async () => {
    const job = await untilSettled(factory, jobOf("stubborn"));
    expect(job).toMatchObject({ status: "failed", error_code: "out_of_fixes" });
    const [row] = await factory.sql<{ head_commit: string }>(
      "SELECT head_commit FROM job WHERE public_id = $1",
      [job.job_id],
    );
    const repository = `${factory.dataDir}/repos/${job.job_id}.git`;
    const tree = execFileSync("git", [
      "--git-dir",
      repository,
      "ls-tree",
      "-r",
      "--name-only",
      `${row?.head_commit}`,
    ]);
    expect(String(tree)).toContain("package.json");
  });

  it("an agent that goes round in circles is given to a person", async () => {
    const job = await untilJob(factory, jobOf("loop"), ({ status }) => status === "escalated");
    expect(job.error_code).toBe("stuck");
    expect(job.error_message).toMatch(/same action/);
  });

  it("an answer that cannot be used is mended by the next one", async () => {
    await untilSettled(factory, jobOf("garbage"));
    await expectSoundDelivery(jobOf("garbage"));
  });

  it("a model that nobody knows fails the job with a sentence that names it", async () => {
    const job = await untilSettled(factory, jobOf("unknown"));
    expect(job).toMatchObject({ status: "failed", error_code: "model_refused" });
    expect(job.error_message).toContain("nonsense@1");
  });

  it("a budget that does not buy the next answer pauses the job and loses nothing", async () => {
    const job = await untilJob(factory, jobOf("poor"), ({ status }) => status === "paused");
    expect(job.waiting_reason).toMatch(/budget of this job/);
    expect(job.cost_usd).toBeLessThanOrEqual(0.01);
    expect(await auditDatabase(factory, [job.job_id])).toEqual([]);
  });

  it("two workers had two jobs at the same time", async () => {
    const [row] = await factory.sql<{ pairs: string }>(
      `WITH lease AS (
        SELECT e.job_id, e.data->>'worker_id' AS worker, e.at AS began,
          (SELECT min(l.at) FROM job_event l WHERE l.job_id = e.job_id AND l.seq > e.seq AND l.type = 'lease.lost') AS ended
        FROM job_event e JOIN job j ON j.id = e.job_id WHERE j.public_id = ANY($1::text[]) AND e.type = 'lease.claimed')
      SELECT count(*) AS pairs FROM lease a JOIN lease b
        ON a.job_id < b.job_id AND a.worker <> b.worker AND a.began < b.ended AND b.began < a.ended`,
      [Object.values(ids)],
    );
    expect(Number(row?.pairs)).toBeGreaterThan(0);
  });
});

it("leaves a sound log, sound books and sound leases for every job", async () => {
  expect(await auditDatabase(factory, jobs)).toEqual([]);
});
