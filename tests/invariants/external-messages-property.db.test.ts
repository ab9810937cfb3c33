// What people say to an external agent under everything at once: answers that are asked for again, hosts that die and
// pauses, in random order. Each asking gives exactly what nobody has acted on yet, in the order in which it was said.
import fc from "fast-check";
import { afterAll, beforeAll, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import { EXTERNAL_AGENT } from "@/server/domain/needs";
import type { Job } from "@/server/generated/prisma/client";
import { handOutMessages, keepTold, waitingMessages } from "@/server/services/external/hand-out-messages";
import { moveJob } from "@/server/services/jobs/move-job";
import { queueLimits } from "@/server/services/limits/queue-limits";
import { claimJob } from "@/server/services/queue/claim-job";
import { sweepLeases } from "@/server/services/queue/sweep-leases";
import { sendMessage } from "@/server/services/steering/send-message";
import { addTeam, addWorkers, type Core, expireLease, fileJob, reload, startCore } from "../support/settings";

const HAPPENINGS = ["say", "ask", "again", "work", "dies", "pauses"] as const;
type Happening = (typeof HAPPENINGS)[number];

let core: Core;
let ctx: Ctx;
let worker = "";

beforeAll(async () => {
  core = await startCore();
  ctx = await addTeam(core.db, "north");
  [worker = ""] = await addWorkers(core.db, 1, { agent: "external" });
});
afterAll(() => core.close());

/** A message as it should be: waiting, in the hands of a lease, or acted on. */
interface Said {
  text: string;
  under: number | null;
  done: boolean;
}

class World {
  private readonly said: Said[] = [];
  private fence = 0;
  private asked = 0;
  /** What the last asking of this lease gave. */
  private last: string[] = [];

  private constructor(private readonly job: Job) {}

  static async begin(): Promise<World> {
    await core.db.$executeRaw`UPDATE job SET state = 'cancelled', claimable = false, lease_worker_id = NULL`;
    await core.db.worker.updateMany({ data: { currentJobId: null, status: "idle" } });
    const world = new World(await fileJob(ctx, { agent: "external", hold_back_tests: false }));
    await world.claim();
    return world;
  }

  private async claim(): Promise<void> {
    const claimed = await claimJob(core.db, worker, 60, queueLimits(), [EXTERNAL_AGENT]);
    expect(claimed?.id).toBe(this.job.id);
    this.fence = claimed?.fence ?? 0;
    this.asked = 0;
    this.last = [];
  }

  private hand(ask: number) {
    const call = { worker, job: this.job.publicId, fence: this.fence, ask };
    return handOutMessages(core.db, call).then(({ messages }) => messages.map(({ text }) => text));
  }

  async happens(what: Happening): Promise<void> {
    switch (what) {
      case "say": {
        const text = `message ${this.said.length + 1}`;
        await sendMessage({ ctx, input: { id: this.job.publicId, text } });
        this.said.push({ text, under: null, done: false });
        return;
      }
      case "ask": {
        const expected = this.said.filter(({ done, under }) => !done && under !== this.fence);
        this.asked += 1;
        // The answer to the first is lost on the way, and the worker asks again before it knows.
        const [one, two] = await Promise.all([this.hand(this.asked), this.hand(this.asked)]);
        this.last = expected.map(({ text }) => text);
        expect([one, two]).toEqual([this.last, this.last]);
        for (const message of expected) message.under = this.fence;
        return;
      }
      case "again":
        // Empty-handed it asks for what is new, as it would with the next number.
        if (this.last.length > 0) expect(await this.hand(this.asked)).toEqual(this.last);
        return;
      case "work":
        await core.db.$transaction((tx) => keepTold(tx, this.job, this.fence));
        for (const message of this.said) if (message.under === this.fence) message.done = true;
        return;
      case "dies":
        await expireLease(core.db, this.job);
        await sweepLeases(core.db, 120);
        return this.claim();
      case "pauses":
        for (const move of ["pause", "resume"] as const)
          await core.db.$transaction((tx) => moveJob(tx, { job: this.job.id, move, actor: "person:ana" }));
        return this.claim();
    }
  }

  /** What is left to be asked for is what the server would refuse a completion for. */
  async isTrue(): Promise<void> {
    const open = this.said.filter(({ done, under }) => !done && under !== this.fence).length;
    const job = await reload(core.db, this.job);
    expect(await core.db.$transaction((tx) => waitingMessages(tx, job))).toBe(open);
  }
}

test("messages reach the agent in order, none is lost and none is told twice", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...HAPPENINGS), { minLength: 5, maxLength: 25 }),
      async (all) => {
        const world = await World.begin();
        for (const one of all) {
          await world.happens(one);
          await world.isTrue();
        }
      },
    ),
    { numRuns: 30 },
  );
}, 300_000);
