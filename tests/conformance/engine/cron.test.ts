/** A cron trigger fires at its minute. Our own engine's clock is set so that the minute is near. */
import { afterAll, beforeAll, expect, it } from "vitest";
import { allowServerTime, type Bench, MODES, startBench, until } from "./harness";

allowServerTime();

const MINUTE_MS = 60_000;
const AHEAD_MS = 2500;
/** A machine that needs longer than that to start misses the near minute and waits for the next one. */
const LIMIT_MS = 90_000;

let bench: Bench;

beforeAll(async () => {
  const readClockMs = () => MINUTE_MS - (Date.now() % MINUTE_MS) - AHEAD_MS;
  const build: Parameters<typeof startBench>[1] = (client, trace) => [
    client.createFunction({ id: "minute", triggers: [{ cron: "* * * * *" }] }, async ({ event, step }) => {
      await step.run("note", () => trace.add("minute", `${event.name} ${String(event.data.cron)}`));
    }),
  ];
  bench = await startBench(MODES[0]!, build, readClockMs);
});
afterAll(() => bench.close());

it(
  "fires each minute, once",
  async () => {
    await until("the minute", () => bench.app.trace.of("minute").length, LIMIT_MS);
    expect(bench.app.trace.of("minute")).toEqual(["inngest/scheduled.timer * * * * *"]);
  },
  LIMIT_MS + 10_000,
);
