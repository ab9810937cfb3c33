// The whole order of a run without the engine: every step body on a real database with real linters and test runners,
// a simulated model that errs, and a worker that is lost again and again. The job is delivered once and paid once.
import { existsSync, mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { takeTurn } from "@/server/agents/take-turn";
import type { Ctx } from "@/server/context";
import { NotYet } from "@/server/domain/step-outcome";
import type { Job } from "@/server/generated/prisma/client";
import { checkTask } from "@/server/loop/check-task";
import { deliver } from "@/server/loop/deliver";
import { beginDeployer, settleDeployer } from "@/server/loop/deploy-bundle";
import { beginFix, logFix } from "@/server/loop/fix-task";
import { holdBack } from "@/server/loop/hold-back";
import { beginPlan, writePlan } from "@/server/loop/plan";
import { restoreTests } from "@/server/loop/restore-tests";
import { beginReview, storeReview } from "@/server/loop/review";
import { setUp, takeRun } from "@/server/loop/set-up";
import { tickTask } from "@/server/loop/tick-task";
import { beginValidation, verify } from "@/server/loop/verify";
import { beginAgent } from "@/server/loop/work-on-task";
import { sweepLeases } from "@/server/services/queue/sweep-leases";
import { HandRunner } from "../support/hand-runner";
import {
  addTeam,
  addWorkers,
  type Core,
  eventsOf,
  expireLease,
  fileJob,
  reload,
  startCore,
} from "../support/settings";
import { toolchainDir } from "../support/toolchain";

let core: Core;
let ctx: Ctx;
let places: Record<string, string>;
const scratch = mkdtempSync(join(tmpdir(), "fabrica-pipeline-"));

beforeAll(async () => {
  core = await startCore();
  ctx = await addTeam(core.db, "north");
  places = { "/opt/toolchain": await toolchainDir(), "/tmp": scratch };
}, 600_000);
afterAll(async () => {
  await core.close();
  rmSync(scratch, { recursive: true, force: true });
});

/** Workers one after the other: each falls silent after `life` commands, the next one takes the job over. */
class Shift {
  job!: Job;
  lost = 0;
  private readonly runners: HandRunner[] = [];
  private ended = false;

  constructor(
    private readonly workers: string[],
    private readonly life: number,
  ) {}

  async start(): Promise<void> {
    const worker = this.workers[this.lost % this.workers.length] as string;
    const runner = new HandRunner(core.db, worker, places);
    this.runners.push(runner);
    this.job = await runner.claim();
    // Ever longer, as no turn can be done by workers that all die within it.
    let left = this.life + 2 * this.lost;
    runner.serve(() => {
      if (left-- > 0 || this.ended) return true;
      void this.change();
      return false;
    });
  }

  private async change(): Promise<void> {
    this.lost++;
    // A row that is being written is passed over.
    do await expireLease(core.db, this.job);
    while ((await sweepLeases(core.db, 120)) === 0);
    await this.start();
  }

  async end(): Promise<void> {
    this.ended = true;
    for (const runner of this.runners) await runner.stop();
  }
}

/** Takes a step as the engine does: again from the top while it is not yet there. */
async function drive<T>(step: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await step();
    } catch (error) {
      if (!(error instanceof NotYet) || error.on.kind === "paused") throw error;
    }
  }
}

async function runJob(publicId: string): Promise<void> {
  const { db } = core;
  const ref = { job: publicId, run: 1 };
  const agent = async (key: string) => {
    for (let n = 1; ; n++) if ((await drive(() => takeTurn(db, ref, key, n))).finished) return;
  };
  await drive(() => takeRun(db, ref, "engine-run"));
  await drive(() => setUp(db, ref));
  const plan = await drive(() => beginPlan(db, ref));
  if (plan.agent) await agent(plan.agent);
  const { tasks } = await drive(() => writePlan(db, ref));
  for (let n = 1; n <= tasks; n++) {
    const task = { ...ref, n, of: tasks };
    for (const role of ["coder", "tester"] as const) {
      const begun = await drive(() => beginAgent(db, task, role));
      if (begun.agent) await agent(begun.agent);
    }
    await drive(() => holdBack(db, task));
    let { green } = await drive(() => checkTask(db, task, 0));
    for (let round = 1; !green; round++) {
      await agent((await drive(() => beginFix(db, task, round))).agent);
      await drive(() => restoreTests(db, task, round));
      green = (await drive(() => checkTask(db, task, round))).green;
      await drive(() => logFix(db, task, round, green));
    }
    await drive(() => tickTask(db, task));
  }
  for (let attempt = 1, green = false; !green; attempt++) {
    await agent((await drive(() => beginDeployer(db, ref, attempt))).agent);
    ({ green } = await drive(() => settleDeployer(db, ref, attempt)));
  }
  const { agent: reviewer } = await drive(() => beginReview(db, ref));
  if (reviewer) await agent(reviewer);
  expect(await drive(() => storeReview(db, ref))).toEqual({ fix: false });
  await drive(() => beginValidation(db, ref));
  expect(await drive(() => verify(db, ref))).toEqual({ passed: true });
  await drive(() => deliver(db, ref));
}

test.each([
  ["with a worker that lives", 10_000],
  ["with a worker that is lost after 5 commands, 7, 9 and so on", 5],
])(
  "a job whose model errs is delivered once, %s",
  async (_name, life) => {
    const { db } = core;
    const model = "simulation/sim-1+test@1+lint@2";
    const filed = await fileJob(ctx, {
      title: "Blog com posts e comentarios",
      features: ["Posts", "Tags"],
      tech_stack: "node",
      deploy_targets: ["docker-compose", "systemd"],
      models: {
        planner: model,
        coder: model,
        tester: model,
        fixer: model,
        deployer: "simulation/sim-1+deploy@1",
      },
    });
    const shift = new Shift(await addWorkers(db, 2), life);
    await shift.start();
    await runJob(filed.publicId);
    await shift.end();
    if (life < 100) expect(shift.lost).toBeGreaterThan(3);

    const job = await reload(db, filed);
    expect(job).toMatchObject({ state: "completed", progress: 1, errorCode: null, leaseWorkerId: null });
    expect(readdirSync(job.outputPath ?? "")).toContain("SPEC.md");
    expect(existsSync(`${job.outputPath}.zip`)).toBe(true);
    for (const script of ["docker-compose/deploy.sh", "systemd/rollback.sh"])
      expect(statSync(`${job.outputPath}/deploy/${script}`).mode & 0o111).toBe(0o111);
    const checks = await db.checkRun.findMany({
      where: { jobId: job.id, kind: { in: ["held_back", "review", "deploy"] } },
    });
    expect(checks.map(({ key, passed }) => [key, passed]).sort()).toEqual([
      ["deploy/check-1", false],
      ["deploy/check-2", true],
      ["review", true],
      ["verify/deploy", true],
      ["verify/held-back", true],
    ]);
    const log = await eventsOf(db, job);
    const count = (type: string) => log.filter((event) => event.type === type).length;
    expect(log.map((event) => event.seq)).toEqual(log.map((_, i) => i + 1));
    expect([count("plan.written"), count("delivery.done"), count("task.done")]).toEqual([1, 3, 2]);
    expect(count("heal.logged")).toBe(2);
    const progress = log.flatMap((event) => (event.type === "job.step" ? [Number(event.data.progress)] : []));
    expect(progress).toEqual([...progress].sort((a, b) => a - b));

    const turns = await db.turn.findMany({ where: { agentRun: { jobId: job.id } } });
    const spends = await db.spend.findMany({ where: { jobId: job.id } });
    expect(spends).toHaveLength(turns.length);
    expect(spends.every((spend) => spend.state === "settled")).toBe(true);
    expect(job.spentMicroUsd).toBe(spends.reduce((sum, spend) => sum + spend.costMicro, 0n));
    expect(job.reservedMicroUsd).toBe(0n);
    expect(count("agent.call")).toBe(
      turns.flatMap((turn) => (turn.answer as { calls: unknown[] }).calls).length,
    );
  },
  240_000,
);
