/** Steps, retries and failures give the same results in every mode. */
import { type GetStepTools, type Inngest, NonRetriableError, RetryAfterError } from "inngest";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allowServerTime, type Bench, MODES, nameMode, startBench } from "./harness";

allowServerTime();

/** The SDK types the argument of onFailure as any. */
interface FailureContext {
  event: { data: { event: { data: { key: string } } } };
  error: Error;
  step: GetStepTools<Inngest>;
}

describe.each(MODES)("steps ($checkpointing, $signed)", (mode) => {
  let bench: Bench;

  beforeAll(async () => {
    bench = await startBench(mode, (client, trace) => [
      client.createFunction(
        { id: "sequence", triggers: [{ event: "sequence" }] },
        async ({ event, step, runId }) => {
          const key = String(event.data.key);
          const first = await step.run("first", () => {
            trace.add(key, "first");
            return { n: 1, text: "ä\u0000\u2028\ud800", list: [3, 1, 2] };
          });
          const second = await step.run("second", () => {
            trace.add(key, "second");
            return first.n + 1;
          });
          await step.run("nothing", () => undefined);
          return { first, second, runId };
        },
      ),
      client.createFunction({ id: "loop", triggers: [{ event: "loop" }] }, async ({ event, step }) => {
        let sum = 0;
        for (let i = 0; i < 40; i++) sum += await step.run(`add-${i}`, () => i);
        trace.add(String(event.data.key), "end");
        return sum;
      }),
      client.createFunction(
        { id: "no-steps", triggers: [{ event: "no-steps" }] },
        async ({ event }) => event.data.n,
      ),
      client.createFunction(
        { id: "flaky", retries: 3, triggers: [{ event: "flaky" }] },
        async ({ event, step, attempt }) => {
          const key = String(event.data.key);
          const value = await step.run("flaky", () => {
            trace.add(key, "try");
            if (trace.of(key).length < 3) throw new Error("not yet");
            return "done";
          });
          await step.run("after", () => trace.add(key, `after at ${attempt}`));
          return value;
        },
      ),
      client.createFunction(
        { id: "caught", retries: 1, triggers: [{ event: "caught" }] },
        async ({ event, step }) => {
          const key = String(event.data.key);
          try {
            await step.run("fails", () => {
              trace.add(key, "try");
              throw new TypeError("always");
            });
          } catch (error) {
            return step.run("mends", () => `mended: ${(error as Error).message}`);
          }
          return "not reached";
        },
      ),
      client.createFunction(
        { id: "final", retries: 5, triggers: [{ event: "final" }] },
        async ({ event, step }) => {
          await step.run("fails", () => {
            trace.add(String(event.data.key), "try");
            throw new NonRetriableError("never again");
          });
        },
      ),
      client.createFunction(
        { id: "later", retries: 2, triggers: [{ event: "later" }] },
        async ({ event, step }) => {
          const key = String(event.data.key);
          return step.run("later", () => {
            trace.add(key, String(Date.now()));
            if (trace.of(key).length === 1) throw new RetryAfterError("wait", 1000);
            return "done";
          });
        },
      ),
      client.createFunction(
        { id: "body-fails", retries: 2, triggers: [{ event: "body-fails" }] },
        async ({ event }) => {
          trace.add(String(event.data.key), "try");
          throw new Error("outside of steps");
        },
      ),
      client.createFunction(
        {
          id: "with-failure",
          retries: 0,
          triggers: [{ event: "with-failure" }],
          onFailure: async ({ event, error, step }: FailureContext) => {
            const original = event.data.event.data;
            await step.run("note", () => trace.add(original.key, `failure: ${error.message}`));
          },
        },
        async ({ step }) => {
          await step.run("fails", () => {
            throw new Error("broken");
          });
        },
      ),
    ]);
  });
  afterAll(() => bench.close());

  it(`runs each step once and hands its result on (${nameMode(mode)})`, async () => {
    const id = await bench.send("sequence", { key: "a" });
    const run = await bench.ended(id);
    expect(run).toMatchObject({
      status: "Completed",
      output: { first: { n: 1, text: "ä\u0000\u2028\ud800", list: [3, 1, 2] }, second: 2, runId: run.run_id },
    });
    expect(bench.app.trace.of("a")).toEqual(["first", "second"]);
  });

  it("goes through many steps", async () => {
    const run = await bench.ended(await bench.send("loop", { key: "loop" }));
    expect(run).toMatchObject({ status: "Completed", output: 780 });
    expect(bench.app.trace.of("loop")).toEqual(["end"]);
  });

  it("finishes a function without steps", async () => {
    expect(await bench.ended(await bench.send("no-steps", { n: 7 }))).toMatchObject({
      status: "Completed",
      output: 7,
    });
  });

  it("tries a failing step again and then counts from zero", async () => {
    const run = await bench.ended(await bench.send("flaky", { key: "flaky" }));
    expect(run).toMatchObject({ status: "Completed", output: "done" });
    expect(bench.app.trace.of("flaky")).toEqual(["try", "try", "try", "after at 0"]);
  });

  it("lets a function catch a step that failed for good", async () => {
    const run = await bench.ended(await bench.send("caught", { key: "caught" }));
    expect(run).toMatchObject({ status: "Completed", output: "mended: always" });
    expect(bench.app.trace.of("caught")).toEqual(["try", "try"]);
  });

  it("does not retry a non-retriable error", async () => {
    const run = await bench.ended(await bench.send("final", { key: "final" }));
    expect(run).toMatchObject({ status: "Failed", output: { message: "never again" } });
    expect(bench.app.trace.of("final")).toEqual(["try"]);
  });

  it("waits as long as RetryAfterError says", async () => {
    const run = await bench.ended(await bench.send("later", { key: "later" }));
    expect(run).toMatchObject({ status: "Completed", output: "done" });
    const [first, second] = bench.app.trace.of("later").map(Number);
    expect(second! - first!).toBeGreaterThanOrEqual(990);
  });

  it("fails a run whose body keeps failing", async () => {
    const run = await bench.ended(await bench.send("body-fails", { key: "body" }));
    expect(run).toMatchObject({ status: "Failed", output: { message: "outside of steps" } });
    expect(bench.app.trace.of("body")).toHaveLength(3);
  });

  it("calls onFailure once", async () => {
    const run = await bench.ended(await bench.send("with-failure", { key: "of" }));
    expect(run.status).toBe("Failed");
    await expect.poll(() => bench.app.trace.of("of")).toEqual(["failure: broken"]);
  });

  it("ignores an event id it has seen", async () => {
    const first = await bench.send("sequence", { key: "twice" }, "same-id");
    const second = await bench.send("sequence", { key: "twice" }, "same-id");
    expect(second).toBe(first);
    await bench.ended(first);
    expect(await bench.runsOf(first)).toHaveLength(1);
    expect(bench.app.trace.of("twice")).toEqual(["first", "second"]);
  });
});
