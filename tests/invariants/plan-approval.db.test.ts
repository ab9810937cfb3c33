// A plan that a person wants to read first: the job waits for them holding nothing, each version is decided once, and
// nothing is written before it is approved.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { Step } from "@/inngest/drive";
import { planJob } from "@/inngest/functions/plan-job";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { approvePlanInput, requestChangesInput } from "@/server/domain/steering";
import { Ended, NotYet } from "@/server/domain/step-outcome";
import type { Job } from "@/server/generated/prisma/client";
import { writePlan } from "@/server/loop/plan";
import { moveJob } from "@/server/services/jobs/move-job";
import { resumeJob } from "@/server/services/jobs/resume-job";
import { approvePlan, requestChanges } from "@/server/services/steering/decide-plan";
import { listPlans } from "@/server/services/steering/list-plans";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { workspaceText } from "@/server/services/workspace/workspace-files";
import { createRepository } from "@/server/workspaces/repository";
import { withHooks } from "../support/dying-db";
import { HandRunner } from "../support/hand-runner";
import {
  addTeam,
  addWorkers,
  type Core,
  eventsOf,
  fileJob,
  refusalOf,
  reload,
  startCore,
} from "../support/settings";

const SPEC = "# Shop\n\n- [ ] Products\n- [ ] Cart\n";
let core: Core;
let db: Db;
let ctx: Ctx;
let job: Job;
let runner: HandRunner;

beforeAll(async () => {
  core = await startCore();
  db = core.db;
  ctx = await addTeam(db, "north");
});
afterAll(() => core.close());
beforeEach(() => db.job.updateMany({ data: { claimable: false } }));
afterEach(() => runner.stop());

async function begin(input: Record<string, unknown>): Promise<void> {
  const [worker] = await addWorkers(db, 1);
  await fileJob(ctx, {
    title: "Blog",
    features: ["Posts"],
    models: { planner: "simulation/sim-1" },
    ...input,
  });
  runner = new HandRunner(db, worker as string);
  job = await runner.claim();
  await createRepository(jobRepository(job.publicId));
  runner.serve();
}
/** After a decision a worker takes the job again. */
async function takeAgain(): Promise<void> {
  await runner.claim();
  runner.serve();
}
const ref = () => ({ job: job.publicId, run: job.run });
const id = () => job.publicId;
const approve = (input: object = {}, by = ctx) =>
  approvePlan({ ctx: by, input: approvePlanInput.parse({ id: id(), ...input }) });
const sendBack = (text: string, input: object = {}, by = ctx) =>
  requestChanges({ ctx: by, input: requestChangesInput.parse({ id: id(), text, ...input }) });
const plans = () => listPlans({ ctx, input: { id: id() } });
const events = async (type: string) =>
  (await eventsOf(db, job)).filter((event) => event.type === type).map(({ data }) => data);
const inWorkspace = async () => workspaceText(await reload(db, job), "SPEC.md");
const titles = async () =>
  (await db.task.findMany({ where: { jobId: job.id }, orderBy: { n: "asc" } })).map(({ title }) => title);

/** Drives the steps as an engine does that never dies. Each time the job is paused the next thing happens to it. */
async function plan(...happens: (() => Promise<unknown>)[]) {
  const ids: string[] = [];
  const step = {
    async run(name: string, body: () => Promise<unknown>) {
      ids.push(name);
      return JSON.parse(JSON.stringify(await body()));
    },
    async waitForEvent(name: string) {
      if (!name.endsWith(":resumed")) return null;
      const next = happens.shift();
      if (!next) throw new Error(`nothing happens to a paused job at ${name}`);
      await next();
      return null;
    },
  };
  // Only what the driver of steps uses.
  const written = await planJob(step as unknown as Step, ref());
  return { ids, tasks: written?.tasks ?? null };
}

describe("a plan", () => {
  test("that nobody wants to read is written at once, in the same steps as ever", async () => {
    await begin({});
    const { ids, tasks } = await plan();
    expect(ids.filter((name) => !name.includes(":"))).toEqual(["plan", "write-plan"]);
    expect(tasks).toBe((await titles()).length);
    expect(await events("plan.written")).toHaveLength(1);
    expect(await plans()).toEqual({ waits: null, versions: [] });
  });

  test("waits for its reader while the job holds nothing, and is written when it was approved", async () => {
    await begin({ approve_plan: true });
    const { tasks } = await plan(async () => {
      expect(await reload(db, job)).toMatchObject({
        state: "paused",
        resumeState: "running",
        waitingCode: "plan",
        leaseWorkerId: null,
        leaseUntil: null,
        claimable: false,
      });
      expect([await inWorkspace(), await titles()]).toEqual([null, []]);
      const { waits, versions } = await plans();
      expect([waits, versions.length, versions[0]?.spec.includes("- [ ] ")]).toEqual([1, 1, true]);
      await expect(resumeJob({ ctx, input: { id: id() } })).rejects.toThrow("approve the plan");
      expect((await reload(db, job)).state).toBe("paused");
      await approve();
      await takeAgain();
    });
    const { versions } = await plans();
    expect(await inWorkspace()).toBe(versions[0]?.spec);
    expect([tasks, (await titles()).length]).toEqual([versions[0]?.spec.match(/- \[ \] /g)?.length, tasks]);
    expect(versions[0]).toMatchObject({ decision: "approved", decided_by: "ana-north", edited_spec: null });
    expect(await events("plan.written")).toMatchObject([{ version: 1 }]);
    expect(await events("plan.decided")).toEqual([
      { version: 1, decision: "approved", actor: "person:ana-north", remarks: null, edited: false },
    ]);
  });

  test("is written again with the remarks, twice, and then as the person edited it", async () => {
    await begin({ approve_plan: true });
    const edited = "# Blog\n\n## Tasks\n\n- [ ] Only posts\n";
    const { ids, tasks } = await plan(
      async () => {
        await sendBack("fewer words\n- [ ] no task");
        await takeAgain();
      },
      async () => {
        expect(await reload(db, job)).toMatchObject({ waitingCode: "plan", leaseWorkerId: null });
        await sendBack("name the fields", { version: 2 });
        await takeAgain();
      },
      async () => {
        await approve({ version: 3, spec: edited });
        await takeAgain();
      },
    );
    expect(ids.filter((name) => !name.includes(":"))).toEqual([
      "plan",
      "write-plan",
      "plan-2",
      "write-plan-2",
      "plan-3",
      "write-plan-3",
    ]);
    const runs = await db.agentRun.findMany({ where: { jobId: job.id }, orderBy: { id: "asc" } });
    expect(runs.map(({ key }) => key)).toEqual(["plan/planner", "plan/planner-2", "plan/planner-3"]);
    const { versions } = await plans();
    const first = (index: number) => (runs.map(({ prompt }) => prompt)[index] as { first: string }).first;
    expect(first(0)).not.toContain("<remarks>");
    expect(first(1)).toContain(`<plan>${versions[0]?.spec}</plan>\n<remarks>On version 1: fewer words`);
    expect(first(2)).toContain(`<plan>${versions[1]?.spec}</plan>`);
    expect(first(2)).toMatch(/On version 1: fewer words[\s\S]*On version 2: name the fields<\/remarks>/);
    expect(versions.map(({ decision }) => decision)).toEqual(["changes", "changes", "approved"]);
    expect(versions[1]?.spec).toContain("> On version 1: fewer words");
    expect([tasks, await titles(), await inWorkspace()]).toEqual([1, ["Only posts"], edited]);
    expect((await events("plan.written")).map(({ version }) => version)).toEqual([1, 2, 3, undefined]);
    expect((await events("plan.decided")).map(({ remarks }) => remarks)).toEqual([
      "fewer words\n- [ ] no task",
      "name the fields",
      null,
    ]);
  });

  test("that was given is read as well, and written again by the planner when it was sent back", async () => {
    await begin({ approve_plan: true, spec: SPEC });
    await plan(
      async () => {
        expect((await plans()).versions[0]?.spec).toBe(SPEC);
        expect(await db.agentRun.count({ where: { jobId: job.id } })).toBe(0);
        await sendBack("smaller");
        await takeAgain();
      },
      async () => {
        await approve();
        await takeAgain();
      },
    );
    expect((await db.agentRun.findMany({ where: { jobId: job.id } })).map(({ key }) => key)).toEqual([
      "plan/planner-2",
    ]);
    expect(await inWorkspace()).toBe((await plans()).versions[1]?.spec);
  });
});

describe("a job that waits for its reader", () => {
  const ask = (by: Db = db) =>
    writePlan(by, ref()).then(
      (value) => value,
      (error: unknown) => error,
    );
  const waiting = async () => {
    await begin({ approve_plan: true, spec: SPEC });
    expect(await ask()).toBeInstanceOf(NotYet);
  };

  test.each(["before", "after"] as const)("asks once, when its process dies %s asking", async (side) => {
    await begin({ approve_plan: true, spec: SPEC });
    const die = () => {
      throw new Error("the process died");
    };
    const dying = side === "before" ? withHooks(db, die) : withHooks(db, () => undefined, die);
    expect(String(await ask(dying))).toContain("the process died");
    expect(await ask()).toBeInstanceOf(NotYet);
    expect(await ask()).toBeInstanceOf(NotYet);
    expect((await plans()).waits).toBe(1);
    expect(await events("plan.written")).toHaveLength(1);
    expect((await events("job.moved")).filter(({ to }) => to === "paused")).toHaveLength(1);
  });

  test("and is made to go on without a decision waits again", async () => {
    await waiting();
    await db.$transaction((tx) => moveJob(tx, { job: job.id, move: "resume", actor: "factory" }));
    expect(await ask()).toBeInstanceOf(NotYet);
    expect(await reload(db, job)).toMatchObject({ state: "paused", waitingCode: "plan" });
    expect(await events("plan.written")).toHaveLength(1);
  });

  test("can be stopped, and then there is nothing to decide", async () => {
    await waiting();
    await db.$transaction((tx) => moveJob(tx, { job: job.id, move: "cancel", actor: "factory" }));
    expect(await ask()).toBeInstanceOf(Ended);
    expect(await refusalOf(approve())).toBe("conflict");
    expect((await plans()).waits).toBeNull();
  });

  test("is decided once, by whichever of two people comes first", async () => {
    await waiting();
    const both = await Promise.allSettled([approve(), sendBack("smaller")]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    expect(await events("plan.decided")).toHaveLength(1);
    expect((await reload(db, job)).state).toBe("running");
  });

  test("takes the same decision sent twice for one", async () => {
    await waiting();
    await Promise.all([sendBack("smaller", { version: 1 }), sendBack("smaller", { version: 1 })]);
    await sendBack("smaller", { version: 1 });
    expect(await events("plan.decided")).toHaveLength(1);
    expect(await refusalOf(sendBack("larger", { version: 1 }))).toBe("conflict");
    expect(await refusalOf(approve({ version: 1 }))).toBe("conflict");
    expect(await refusalOf(approve())).toBe("conflict");
  });

  test("refuses what cannot be decided, and stays as it is", async () => {
    await begin({ approve_plan: true, spec: SPEC });
    expect(await refusalOf(approve())).toBe("conflict");
    await ask();
    const many = `# S\n${"- [ ] x\n".repeat(61)}`;
    for (const spec of ["# No list", many]) expect(await refusalOf(approve({ spec }))).toBe("unprocessable");
    expect(await refusalOf(approve({ version: 2 }))).toBe("conflict");
    const viewer = { ...ctx, actor: { ...ctx.actor, role: "viewer" as const } };
    const south = await addTeam(db, `south-${job.id}`);
    for (const decide of [(by: Ctx) => approve({}, by), (by: Ctx) => sendBack("x", {}, by)]) {
      expect(await refusalOf(decide(viewer))).toBe("forbidden");
      expect(await refusalOf(decide(south))).toBe("not_found");
    }
    expect((await plans()).waits).toBe(1);
    expect(await events("plan.decided")).toEqual([]);
    expect((await reload(db, job)).state).toBe("paused");
  });

  test("is sent back twenty times at most", async () => {
    await waiting();
    await db.planReview.updateMany({ where: { jobId: job.id }, data: { version: 20 } });
    expect(await refusalOf(sendBack("once more"))).toBe("conflict");
    await approve();
  });

  test("of a later run asks again", async () => {
    await waiting();
    await db.$transaction((tx) => moveJob(tx, { job: job.id, move: "cancel", actor: "factory" }));
    await db.$transaction((tx) => moveJob(tx, { job: job.id, move: "retry", actor: "factory" }));
    await runner.stop();
    const [worker] = await addWorkers(db, 1);
    runner = new HandRunner(db, worker as string);
    job = await runner.claim();
    expect(await ask()).toBeInstanceOf(NotYet);
    const { waits, versions } = await plans();
    expect([waits, versions.map(({ run, version }) => [run, version])]).toEqual([
      1,
      [
        [1, 1],
        [2, 1],
      ],
    ]);
  });
});
