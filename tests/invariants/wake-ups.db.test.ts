// Wake-ups for other processes gather and go in few notifications; none is lost on the way.
import { afterAll, beforeAll, expect, test, vi } from "vitest";
import { JOB_CHANNEL } from "@/server/events/append";
import { Listener } from "@/server/events/listen";
import { announceSoon, logGrew } from "@/server/services/queue/announce";
import { type Core, startCore } from "../support/settings";

let core: Core;
let other: Listener;
beforeAll(async () => {
  core = await startCore();
  other = new Listener(core.url);
});
afterAll(async () => {
  await other.close();
  await core.close();
});

test("thousands at once are all heard elsewhere, each job with its latest word", async () => {
  const heard = new Map<string, number>();
  await other.subscribe(JOB_CHANNEL, {
    notify: (payload) => {
      const [job = "", seq = ""] = payload.split(":");
      heard.set(job, Number(seq));
    },
    resumed: () => undefined,
  });
  const jobs = Array.from({ length: 3_000 }, (_, n) => BigInt(n) + 10n ** 15n);
  for (const lastSeq of [1, 2])
    announceSoon(
      core.db,
      jobs.map((id) => logGrew({ id, lastSeq, teamId: 1n })),
    );
  await vi.waitUntil(() => heard.size === jobs.length, { timeout: 20_000 });
  expect(new Set(heard.values())).toEqual(new Set([2]));
});
