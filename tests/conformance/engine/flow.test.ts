/** Sleeps, waits, invokes, cancellation, sending and parallel steps, in both modes. */
import { NonRetriableError } from "inngest";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allowServerTime, type Bench, MODES, startBench, until } from "./harness";

allowServerTime();

describe.each(MODES)("flow ($checkpointing, $signed)", (mode) => {
  let bench: Bench;
  const traceOf = (key: string) => bench.app.trace.of(key);

  beforeAll(async () => {
    bench = await startBench(mode, (client, trace) => {
      const child = client.createFunction(
        { id: "child", retries: 0, triggers: [], cancelOn: [{ event: "stop-child", match: "data.key" }] },
        async ({ event, step }) => {
          const { key, how } = event.data as { key: string; how: string };
          trace.add(key, `child ${how}`);
          if (how === "fail") throw new NonRetriableError("child failed");
          if (how === "wait") await step.waitForEvent("forever", { event: "never", timeout: "1h" });
          return { got: await step.run("work", () => `${how} done`) };
        },
      );
      return [
        child,
        client.createFunction(
          { id: "sleeper", triggers: [{ event: "sleeper" }] },
          async ({ event, step }) => {
            const key = String(event.data.key);
            await step.run("before", () => trace.add(key, "before"));
            const start = await step.run("clock", () => Date.now());
            await step.sleep("nap", "1s");
            await step.sleepUntil("no nap", new Date(start - 1000));
            return { slept: (await step.run("after", () => Date.now())) - start };
          },
        ),
        client.createFunction({ id: "waiter", triggers: [{ event: "waiter" }] }, async ({ event, step }) => {
          const key = String(event.data.key);
          const matched = await step.waitForEvent("match", {
            event: "answer",
            match: "data.key",
            timeout: "30s",
          });
          trace.add(key, "matched");
          const expression = await step.waitForEvent("if", {
            event: "answer",
            if: `async.data.commandId == "${key}-command" && event.data.key == async.data.key`,
            timeout: "30s",
          });
          return { first: matched?.data, second: expression?.data, name: expression?.name };
        }),
        client.createFunction({ id: "times-out", triggers: [{ event: "times-out" }] }, async ({ step }) => {
          return step.waitForEvent("nothing", { event: "never", timeout: "1s" });
        }),
        client.createFunction(
          { id: "caller", retries: 0, triggers: [{ event: "caller" }] },
          async ({ event, step }) => {
            const data = event.data as { key: string; how: string };
            try {
              return { ok: await step.invoke("call", { function: child, data, timeout: "20s" }) };
            } catch (error) {
              return { error: (error as Error).message };
            }
          },
        ),
        client.createFunction(
          { id: "impatient", retries: 0, triggers: [{ event: "impatient" }] },
          async ({ event, step }) => {
            const data = { key: String(event.data.key), how: "wait" };
            await step.invoke("call", { function: child, data, timeout: "1s" });
          },
        ),
        client.createFunction(
          {
            id: "cancellable",
            triggers: [{ event: "cancellable" }],
            cancelOn: [{ event: "stop", if: "event.data.key == async.data.key" }],
          },
          async ({ event, step }) => {
            const key = String(event.data.key);
            await step.run("start", () => trace.add(key, "start"));
            await step.waitForEvent("forever", { event: "never", timeout: "1h" });
            trace.add(key, "not reached");
          },
        ),
        client.createFunction(
          { id: "busy", triggers: [{ event: "busy" }], cancelOn: [{ event: "stop", match: "data.key" }] },
          async ({ event, step }) => {
            const key = String(event.data.key);
            for (let i = 0; i < 500; i++) {
              await step.run(`turn-${i}`, async () => {
                trace.add(key, "turn");
                await new Promise((resolve) => setTimeout(resolve, 10));
              });
            }
          },
        ),
        client.createFunction({ id: "sender", triggers: [{ event: "sender" }] }, async ({ event, step }) => {
          const key = String(event.data.key);
          const [reply] = await Promise.all([
            step.waitForEvent("reply", { event: "reply", match: "data.key", timeout: "20s" }),
            step.sendEvent("ask", [
              { name: "ask", data: { key } },
              { name: "unheard", data: {} },
            ]),
          ]);
          return reply?.data;
        }),
        client.createFunction(
          { id: "replier", triggers: [{ event: "ask", if: 'event.data.key != "ignored"' }] },
          async ({ event, step }) => {
            await step.sendEvent("answer", { name: "reply", data: { key: event.data.key, yes: true } });
          },
        ),
        client.createFunction(
          { id: "parallel", triggers: [{ event: "parallel" }] },
          async ({ event, step }) => {
            const key = String(event.data.key);
            const branch = async (name: string) => {
              const one = await step.run(`${name}-1`, () => {
                trace.add(key, `${name}-1`);
                return 1;
              });
              return (
                one +
                (await step.run(`${name}-2`, () => {
                  trace.add(key, `${name}-2`);
                  return 1;
                }))
              );
            };
            const results = await Promise.all([branch("a"), branch("b"), branch("c"), step.sleep("s", "1s")]);
            const last = await step.run("last", () => {
              trace.add(key, "last");
              return 4;
            });
            return [...results, last];
          },
        ),
        client.createFunction(
          { id: "parallel-fail", retries: 1, triggers: [{ event: "parallel-fail" }] },
          async ({ event, step }) => {
            const key = String(event.data.key);
            const settled = await Promise.allSettled([
              step.run("good", () => trace.add(key, "good")),
              step.run("bad", () => {
                trace.add(key, "bad");
                throw new Error("bad");
              }),
            ]);
            return settled.map(({ status }) => status);
          },
        ),
        client.createFunction(
          { id: "race", triggers: [{ event: "race" }] },
          async ({ event, step, group }) => {
            const key = String(event.data.key);
            const winner = await group.parallel({ mode: "race" }, () =>
              Promise.race([
                step.run("quick", () => {
                  trace.add(key, "quick");
                  return "quick";
                }),
                step.sleep("slow", "6s").then(() => "slow"),
              ]),
            );
            return step.run("end", () => {
              trace.add(key, "end");
              return winner;
            });
          },
        ),
        client.createFunction(
          {
            id: "slices",
            checkpointing: mode.checkpointing && { maxRuntime: 60, bufferedSteps: 4 },
            triggers: [{ event: "slices" }],
          },
          async ({ event, step }) => {
            const key = String(event.data.key);
            for (let i = 0; i < 15; i++) {
              await step.run(`slice-${i}`, async () => {
                trace.add(key, String(i));
                await new Promise((resolve) => setTimeout(resolve, 15));
              });
            }
            return "end";
          },
        ),
        client.createFunction(
          { id: "deadline", timeouts: { finish: "1s" }, triggers: [{ event: "deadline" }] },
          async ({ step }) => {
            await step.waitForEvent("forever", { event: "never", timeout: "1h" });
          },
        ),
        client.createFunction(
          { id: "notes-cancel", triggers: [{ event: "inngest/function.cancelled" }] },
          async ({ event }) => {
            const { event: original } = event.data as { event: { data: { key?: string } } };
            trace.add(original.data.key ?? "", "cancelled seen");
          },
        ),
      ];
    });
  });
  afterAll(() => bench.close());

  it("sleeps", async () => {
    const run = await bench.ended(await bench.send("sleeper", { key: "sleep" }));
    expect(run.status).toBe("Completed");
    expect((run.output as { slept: number }).slept).toBeGreaterThanOrEqual(990);
    expect(traceOf("sleep")).toEqual(["before"]);
  });

  it("waits for events by match and by expression", async () => {
    const id = await bench.send("waiter", { key: "w" });
    await until("the first wait to match", async () => {
      await bench.send("answer", { key: "other", n: 0 });
      await bench.send("answer", { key: "w", n: 1 });
      return traceOf("w").length > 0;
    });
    await until("the second wait to match", async () => {
      await bench.send("answer", { key: "w", commandId: "another" });
      await bench.send("answer", { key: "w", commandId: "w-command", n: 2 });
      return (await bench.runsOf(id))[0]?.status === "Completed";
    });
    expect((await bench.ended(id)).output).toEqual({
      first: { key: "w", n: 1 },
      second: { key: "w", commandId: "w-command", n: 2 },
      name: "answer",
    });
  });

  it("gives null when a wait times out", async () => {
    expect(await bench.ended(await bench.send("times-out", {}))).toMatchObject({
      status: "Completed",
      output: null,
    });
  });

  it("invokes a function and gets its result or its error", async () => {
    const good = await bench.ended(await bench.send("caller", { key: "c1", how: "good" }));
    expect(good.output).toEqual({ ok: { got: "good done" } });
    const bad = await bench.ended(await bench.send("caller", { key: "c2", how: "fail" }));
    expect(bad.output).toEqual({ error: "child failed" });
    expect(traceOf("c2")).toEqual(["child fail"]);
  });

  it("gives the raw event when the invoked function was cancelled", async () => {
    const id = await bench.send("caller", { key: "c3", how: "wait" });
    await until("the child to be cancelled", async () => {
      await bench.send("stop-child", { key: "c3" });
      return (await bench.runsOf(id))[0]?.status !== "Running";
    });
    const run = await bench.ended(id);
    expect(run.output).toMatchObject({
      ok: { name: "inngest/function.finished", data: { _inngest: { status: "Cancelled" } } },
    });
  });

  it("fails an invoke that takes too long", async () => {
    const run = await bench.ended(await bench.send("impatient", { key: "i" }));
    expect(run).toMatchObject({
      status: "Failed",
      output: { message: "Timed out waiting for invoked function to complete" },
    });
  });

  it("cancels a waiting run", async () => {
    const id = await bench.send("cancellable", { key: "x" });
    await until("the start", () => traceOf("x").length > 0);
    await bench.send("stop", { key: "y" });
    await bench.send("stop", { key: "x" });
    expect((await bench.ended(id)).status).toBe("Cancelled");
    await expect.poll(() => traceOf("x")).toEqual(["start", "cancelled seen"]);
  });

  it("cancels a run in the middle of its steps", async () => {
    const id = await bench.send("busy", { key: "busy" });
    await until("some turns", () => traceOf("busy").length > 2);
    await bench.send("stop", { key: "busy" });
    expect((await bench.ended(id)).status).toBe("Cancelled");
    expect(traceOf("busy").length).toBeLessThan(100);
  });

  it("does not miss an event that comes before a parallel step has returned", async () => {
    const run = await bench.ended(await bench.send("sender", { key: "s" }));
    expect(run).toMatchObject({ status: "Completed", output: { key: "s", yes: true } });
  });

  it("honours the expression of a trigger", async () => {
    const id = await bench.send("ask", { key: "ignored" });
    expect(await bench.runsOf(id)).toEqual([]);
  });

  it("runs parallel steps once each and joins them", async () => {
    const run = await bench.ended(await bench.send("parallel", { key: "p" }));
    expect(run).toMatchObject({ status: "Completed", output: [2, 2, 2, null, 4] });
    expect(traceOf("p").sort()).toEqual(["a-1", "a-2", "b-1", "b-2", "c-1", "c-2", "last"]);
  });

  it("retries one of several parallel steps", async () => {
    const run = await bench.ended(await bench.send("parallel-fail", { key: "pf" }));
    expect(run).toMatchObject({ status: "Completed", output: ["fulfilled", "rejected"] });
    expect(traceOf("pf").sort()).toEqual(["bad", "bad", "good"]);
  });

  // The SDK names the loser again at the end, so the run ends with it; what follows the race does not wait.
  it("goes on with the winner of a race", async () => {
    const id = await bench.send("race", { key: "r" });
    await until("the step after the race", () => traceOf("r").length === 2);
    expect((await bench.runsOf(id))[0]?.status).toBe("Running");
    expect(await bench.ended(id)).toMatchObject({ status: "Completed", output: "quick" });
    expect(traceOf("r")).toEqual(["quick", "end"]);
  });

  it("goes on over several calls when one has run for its time, with buffered checkpoints", async () => {
    const run = await bench.ended(await bench.send("slices", { key: "sl" }));
    expect(run).toMatchObject({ status: "Completed", output: "end" });
    expect(traceOf("sl")).toEqual(Array.from({ length: 15 }, (_, i) => String(i)));
  });

  it("cancels a run at its finish timeout", async () => {
    expect((await bench.ended(await bench.send("deadline", {}))).status).toBe("Cancelled");
  });
});
