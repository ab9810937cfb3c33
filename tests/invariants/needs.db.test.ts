// A job may need what not every worker offers. Nobody else is given it, and it keeps nobody else waiting.
import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { EXTERNAL_AGENT } from "@/server/domain/needs";
import { createProjectInput } from "@/server/domain/project";
import { createProject } from "@/server/services/projects/create-project";
import { updateProject } from "@/server/services/projects/update-project";
import { type ClaimedJob, claimJob, lookForJob } from "@/server/services/queue/claim-job";
import { waitInLine } from "@/server/services/queue/claim-line";
import { peekQueue } from "@/server/services/queue/peek-queue";
import { whyWaiting } from "@/server/services/queue/why-waiting";
import { addTeam, addWorkers, type Core, fileJob, reload, startCore } from "../support/settings";

const IMAGE = "example/tools:1.0";
let core: Core;
let db: Db;
let ctx: Ctx;

beforeAll(async () => {
  core = await startCore({ GIT_HOSTS: "git.example" });
  db = core.db;
  ctx = await addTeam(db, "north", { role: "admin" });
  const url = "https://git.example/team/tools.git";
  for (const [name, image] of [
    ["tools", IMAGE],
    ["plain", null],
  ])
    await createProject({ ctx, input: createProjectInput.parse({ name, repository_url: url, image }) });
});
afterAll(() => core.close());
beforeEach(async () => {
  await db.job.deleteMany();
  await db.runner.deleteMany();
});

async function claimBy(worker: string | undefined): Promise<ClaimedJob | null> {
  const { id, offers } = await db.worker.findUniqueOrThrow({ where: { id: worker } });
  return claimJob(db, id, 60, undefined, offers);
}

const reasonOf = async (job: { id: bigint }) => {
  const row = await reload(db, job);
  return (await whyWaiting(db, [row])).get(job.id)?.text;
};

describe("a job that needs an image", () => {
  test("is given to a worker that offers it, and passed over by the others", async () => {
    const [plain] = await addWorkers(db, 1);
    const job = await fileJob(ctx, { project: "tools", priority: "critical" });
    const common = await fileJob(ctx, { project: "plain", priority: "low" });
    expect(await reasonOf(job)).toContain(`the image ${IMAGE}: none is connected`);
    const [able] = await addWorkers(db, 1, { name: "other", images: [IMAGE] });
    expect(await reasonOf(job)).toBe(`waits for a free worker with the image ${IMAGE}`);
    expect((await claimBy(plain))?.id).toBe(common.id);
    expect(await claimBy(plain)).toBeNull();
    expect(await claimBy(able)).toMatchObject({ id: job.id, needs: `image:${IMAGE}` });
  });

  test("comes in its turn among those that need none", async () => {
    const [able] = await addWorkers(db, 1, { images: [IMAGE, "example/other:2"] });
    const jobs = [];
    for (const project of ["plain", "tools", "plain", "tools"]) jobs.push(await fileJob(ctx, { project }));
    const urgent = await fileJob(ctx, { project: "tools", priority: "critical" });
    const { jobs: peeked } = await peekQueue({ ctx, input: { limit: 10 } });
    const order = [urgent, ...jobs].map((job) => job.publicId);
    expect(peeked.map(({ job }) => job.job_id)).toEqual(order);
    for (const expected of order) {
      const claimed = await claimBy(able);
      expect(claimed?.publicId).toBe(expected);
      await db.job.delete({ where: { publicId: expected } });
      await db.worker.update({ where: { id: able }, data: { currentJobId: null, status: "idle" } });
    }
  });

  test("starves nobody, however many of them nobody can take", async () => {
    for (let i = 0; i < 120; i++) await fileJob(ctx, { project: "tools", priority: "critical" });
    const last = await fileJob(ctx, { project: "plain", priority: "low" });
    const [plain] = await addWorkers(db, 1);
    expect((await claimBy(plain))?.id).toBe(last.id);
  });

  test("wakes a worker that can take it, whoever else waits in front", async () => {
    const waiting = [
      ...(await addWorkers(db, 3)),
      ...(await addWorkers(db, 1, { name: "b", images: [IMAGE] })),
    ];
    const leave = new AbortController();
    let looks = 0;
    const claims = waiting.map(async (worker) => {
      const { id, offers } = await db.worker.findUniqueOrThrow({ where: { id: worker } });
      const look = async () => {
        const found = await lookForJob(db, id, 60, undefined, offers);
        looks++;
        return found;
      };
      return waitInLine(look, { waitMs: 60_000, signal: leave.signal, offers });
    });
    await vi.waitUntil(() => looks >= waiting.length, 20_000);
    const job = await fileJob(ctx, { project: "tools" });
    expect((await claims.at(-1))?.id).toBe(job.id);
    leave.abort();
    expect(await Promise.all(claims.slice(0, -1))).toEqual([null, null, null]);
  });

  test("keeps the image that it was filed with; an odd name is refused", async () => {
    const job = await fileJob(ctx, { project: "tools" });
    await updateProject({ ctx, input: { name: "tools", image: "example/newer:2" } });
    expect((await fileJob(ctx, { project: "tools" })).needs).toBe("image:example/newer:2");
    expect((await reload(db, job)).needs).toBe(`image:${IMAGE}`);
    await updateProject({ ctx, input: { name: "tools", image: IMAGE } });
    for (const image of ["-x", "a b", "A/B", "../x", "x:", "--privileged", "a@sha256:1", ""]) {
      const parsed = createProjectInput.safeParse({
        name: "x",
        repository_url: "https://git.example/a",
        image,
      });
      expect(parsed.success, image).toBe(false);
    }
  });
});

test("a job for an external agent is given to nobody but one", async () => {
  const [plain] = await addWorkers(db, 1, { images: [IMAGE] });
  const [agent] = await addWorkers(db, 1, { name: "ralph", agent: "external" });
  const job = await fileJob(ctx, { agent: "external" });
  const common = await fileJob(ctx);
  expect(job.needs).toBe(EXTERNAL_AGENT);
  expect(await reasonOf(job)).toBe("waits for a free external agent");
  expect((await claimBy(agent))?.id).toBe(job.id);
  expect(await claimBy(agent)).toBeNull();
  expect((await claimBy(plain))?.id).toBe(common.id);
});
