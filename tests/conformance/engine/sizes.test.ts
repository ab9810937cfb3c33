/** Large results, many steps, names in any script, errors with all they carry. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allowServerTime, type Bench, startBench, TWO_MODES, until } from "./harness";

allowServerTime();

const MB = 1024 * 1024;

class OddError extends Error {
  override name = "OddError";
}

describe.each(TWO_MODES)("sizes ($checkpointing, $signed)", (mode) => {
  let bench: Bench;

  beforeAll(async () => {
    bench = await startBench(mode, (client, trace) => [
      client.createFunction({ id: "large", triggers: [{ event: "large" }] }, async ({ step }) => {
        const text = await step.run("make", () => "ü".repeat(MB / 2));
        const again = await step.run("again", () => text.split("").reverse().join(""));
        return step.run("measure", () => [text === again, Buffer.byteLength(again)]);
      }),
      client.createFunction(
        { id: "too-large", retries: 0, triggers: [{ event: "too-large" }] },
        async ({ step }) => {
          await step.run("make", () => "x".repeat(4 * MB + 1));
        },
      ),
      client.createFunction(
        { id: "many", retries: 0, triggers: [{ event: "many" }] },
        async ({ event, step }) => {
          let sum = 0;
          for (let i = 0; i < Number(event.data.count); i++) sum += await step.run(`n-${i}`, () => i);
          return sum;
        },
      ),
      client.createFunction(
        { id: "heavy", retries: 0, triggers: [{ event: "heavy" }] },
        async ({ event, step }) => {
          const count = Number(event.data.count);
          for (let i = 0; i < count; i++) await step.run(`n-${i}`, () => "x".repeat(4 * MB - 100));
          return count;
        },
      ),
      client.createFunction(
        { id: "función-日本-Ж", triggers: [{ event: "événement/créé-Ω" }] },
        async ({ event, step }) => {
          const key = String(event.data.key);
          const first = await step.run("шаг 1 ✓ 🎉", () => {
            trace.add(key, "шаг");
            return { "ключ 🗝": "wert\n\u0001" };
          });
          const found = await step.waitForEvent("待つ", {
            event: "réponse",
            if: `async.data.key == event.data.key && async.data["naïve"] == "oui 🎈"`,
            timeout: "1m",
          });
          return { first, found: found?.data };
        },
      ),
      client.createFunction(
        { id: "odd", retries: 0, triggers: [{ event: "odd" }] },
        async ({ event, step }) => {
          try {
            await step.run("throws", () => {
              throw new OddError("odd ✗", { cause: new TypeError("deep") });
            });
          } catch (error) {
            if (event.data.rethrow) throw error;
            const { name, message, stack, cause } = error as Error;
            return { name, message, stack, cause: (cause as Error | undefined)?.message };
          }
          return "not reached";
        },
      ),
    ]);
  });
  afterAll(() => bench.close());

  it("hands on a result of 1 MB", async () => {
    const run = await bench.ended(await bench.send("large", {}));
    expect(run).toMatchObject({ status: "Completed", output: [true, MB] });
  });

  it("fails a run with a result that is too large", async () => {
    expect((await bench.ended(await bench.send("too-large", {}))).status).toBe("Failed");
  });

  // One by one the SDK goes through all earlier steps again for each: a thousand of them take it minutes.
  it("goes through many steps", async () => {
    const count = mode.checkpointing ? 1000 : 150;
    const run = await bench.ended(await bench.send("many", { count }));
    expect(run).toMatchObject({ status: "Completed", output: (count * (count - 1)) / 2 });
  });

  if (mode.checkpointing) {
    it("fails a run whose results are larger than 32 MB together", async () => {
      expect((await bench.ended(await bench.send("heavy", { count: 8 }))).output).toBe(8);
      expect((await bench.ended(await bench.send("heavy", { count: 9 }))).status).toBe("Failed");
    });

    it("fails a run with more than 1,000 steps", async () => {
      expect((await bench.ended(await bench.send("many", { count: 1010 }))).status).toBe("Failed");
    });
  }

  it("takes ids, names, keys and data in any script", async () => {
    const key = randomUUID();
    const id = await bench.send("événement/créé-Ω", { key });
    await until("the answer to be taken", async () => {
      await bench.send("réponse", { key, naïve: "non" });
      await bench.send("réponse", { key, naïve: "oui 🎈" });
      return (await bench.runsOf(id))[0]?.status === "Completed";
    });
    expect((await bench.ended(id)).output).toEqual({
      first: { "ключ 🗝": "wert\n\u0001" },
      found: { key, naïve: "oui 🎈" },
    });
    expect(bench.app.trace.of(key)).toEqual(["шаг"]);
  });

  it("gives an error with its name, message, stack and cause", async () => {
    const caught = await bench.ended(await bench.send("odd", {}));
    expect(caught.output).toMatchObject({
      name: "OddError",
      message: "odd ✗",
      stack: expect.stringContaining("sizes.test"),
      cause: "deep",
    });
    const thrown = await bench.ended(await bench.send("odd", { rethrow: true }));
    expect(thrown).toMatchObject({ status: "Failed", output: { message: expect.stringContaining("odd ✗") } });
  });
});
