// Best of N through the whole factory: candidates that are told to err lose, the best one's work is validated once more
// and delivered once, and nothing of them is left behind, also when everything is killed in the middle.
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type JobDetailView, jobDetailView, jobPage } from "@/server/domain/outputs";
import { Factory } from "./factory";
import { readJob, simulated, submit, untilJob } from "./jobs";

const LIMIT_MS = 600_000;

let factory: Factory;
beforeAll(async () => {
  factory = await Factory.start({ workers: 2 });
}, 180_000);
afterAll(() => factory?.stop(), 60_000);

const detailOf = (id: string): Promise<JobDetailView> =>
  factory.client.call("GET", `/api/v1/jobs/${id}/detail`, jobDetailView);

/** What holds for every job that came to its end with candidates. */
async function audit(id: string, { candidates }: JobDetailView): Promise<void> {
  const [money] = await factory.sql<{ root: string; calls: string; children: string }>(
    `SELECT j.spent_micro_usd AS root, (SELECT sum(cost_micro) FROM spend WHERE root_job_id = j.id) AS calls,
       (SELECT sum(spent_micro_usd) FROM job c WHERE c.parent_id = j.id) AS children
     FROM job j WHERE j.public_id = $1`,
    [id],
  );
  expect(money?.calls).toBe(money?.root);
  expect(Number(money?.children)).toBeLessThanOrEqual(Number(money?.root));
  const [left] = await factory.sql<{ held: number; delivered: number; events: number }>(
    `SELECT count(*) FILTER (WHERE j.lease_worker_id IS NOT NULL)::int AS held,
       (SELECT count(*)::int FROM delivery d JOIN job c ON c.id = d.job_id WHERE c.kind = 'candidate') AS delivered,
       (SELECT count(*)::int FROM job_event e JOIN job p ON p.id = e.job_id
         WHERE p.public_id = $1 AND e.type = 'candidate.chosen') AS events
     FROM job j`,
    [id],
  );
  expect(left).toEqual({ held: 0, delivered: 0, events: 1 });
  const folders = readdirSync(join(factory.dataDir, "projects"));
  for (const { job_id } of candidates) expect(folders).not.toContain(job_id);
  const { jobs } = await factory.client.call("GET", "/api/v1/jobs?limit=200", jobPage);
  expect(jobs.filter((job) => job.parent !== null)).toEqual([]);
  const own = await factory.client.call("GET", `/api/v1/jobs?parent=${id}`, jobPage);
  expect(own.jobs.map((job) => job.job_id).sort()).toEqual(candidates.map(({ job_id }) => job_id).sort());
}

describe("a job that is worked out three times", () => {
  it(
    "keeps one that is green; the one whose fixer never mends anything has failed",
    async () => {
      const erring = { coder: "simulation/sim-1+stubborn@1", fixer: "simulation/sim-1+stubborn@1" };
      const id = await submit(factory, {
        candidates: 3,
        max_fixes: 1,
        models: simulated("sim-1"),
        fallback_models: erring,
      });
      await untilJob(factory, id, (job) => job.status === "completed", LIMIT_MS);
      const detail = await detailOf(id);
      const { job, candidates } = detail;
      expect(candidates.map(({ status }) => status)).toEqual(["completed", "failed", "completed"]);
      expect(candidates.map(({ chosen }) => chosen)).toEqual([true, false, false]);
      for (const one of candidates.filter(({ status }) => status === "completed"))
        expect(one).toMatchObject({ held_back: { failed: 0 }, lint: 0 });
      expect(candidates[0]?.held_back?.passed).toBeGreaterThan(0);
      expect(candidates[1]?.why).toMatch(/^failed: Task 1 is still red/);
      expect(job.test_results?.failed).toBe(0);
      const folder = job.output_path ?? "";
      expect(existsSync(join(folder, "SPEC.md"))).toBe(true);
      expect(readFileSync(join(folder, "SPEC.md"), "utf8")).toContain("- [x]");
      await audit(id, detail);
    },
    LIMIT_MS,
  );

  it(
    "keeps the one that passes what it has not seen",
    async () => {
      const blind = "simulation/sim-1+blind@1";
      const models = simulated("sim-1");
      const id = await submit(factory, {
        title: "Blog com posts",
        description: "",
        features: ["Posts"],
        spec: undefined,
        candidates: 2,
        models: { ...models, coder: blind, tester: blind },
        fallback_models: { coder: "simulation/sim-1", tester: "simulation/sim-1" },
      });
      await untilJob(factory, id, (job) => job.status === "completed", LIMIT_MS);
      const detail = await detailOf(id);
      expect(detail.candidates).toMatchObject([
        { n: 1, status: "completed", chosen: false, tests: { failed: 0 } },
        { n: 2, status: "completed", chosen: true, held_back: { failed: 0 } },
      ]);
      expect(detail.candidates[0]?.held_back?.failed).toBeGreaterThan(0);
      expect(detail.candidates[1]?.why).toMatch(/more of the tests that were held back/);
      await audit(id, detail);
    },
    LIMIT_MS,
  );

  it(
    "comes to one end when everything is killed while its candidates work",
    async () => {
      const id = await submit(factory, { candidates: 3, models: simulated("sim-1") });
      await untilJob(factory, id, (job) => job.waiting_code === "children", LIMIT_MS);
      await factory.crash();
      await factory.startAgain();
      await untilJob(factory, id, (job) => job.status === "completed", LIMIT_MS);
      const detail = await detailOf(id);
      expect(detail.candidates.map(({ status }) => status)).toEqual(["completed", "completed", "completed"]);
      expect(detail.candidates.filter(({ chosen }) => chosen)).toHaveLength(1);
      await audit(id, detail);
    },
    LIMIT_MS,
  );

  it(
    "is stopped with all of them",
    async () => {
      const id = await submit(factory, { candidates: 3, models: simulated("sim-1") });
      await untilJob(factory, id, (job) => job.waiting_code === "children", LIMIT_MS);
      await factory.client.call("DELETE", `/api/v1/jobs/${id}`, z.unknown());
      expect((await readJob(factory, id)).status).toBe("cancelled");
      const { candidates } = await detailOf(id);
      expect(candidates.map(({ status }) => status)).toEqual(["cancelled", "cancelled", "cancelled"]);
    },
    LIMIT_MS,
  );
});
