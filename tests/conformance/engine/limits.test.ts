/** Concurrency, priority, idempotency and timeouts: what may run, when, and how often. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { allowServerTime, type Bench, MODES, startBench, until } from "./harness";

allowServerTime();

/** Counts how many step bodies of a name are under way. */
class Occupancy {
  private readonly now = new Map<string, number>();
  readonly most = new Map<string, number>();

  async during<T>(name: string, body: () => Promise<T>): Promise<T> {
    const count = (this.now.get(name) ?? 0) + 1;
    this.now.set(name, count);
    this.most.set(name, Math.max(count, this.most.get(name) ?? 0));
    try {
      return await body();
    } finally {
      this.now.set(name, this.now.get(name)! - 1);
    }
  }
}

const moment = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms));

describe.each(MODES)("limits ($checkpointing, $signed)", (mode) => {
  let bench: Bench;
  const occupancy = new Occupancy();
  /** Step bodies that stay until a test lets them go. */
  const held = new Map<string, () => void>();
  const hold = (key: string) => new Promise<void>((resolve) => held.set(key, resolve));
  const letGo = (key: string) => held.get(key)?.();

  beforeAll(async () => {
    bench = await startBench(mode, (client, trace) => {
      const once = client.createFunction(
        { id: "once", triggers: [{ event: "once" }], idempotency: "event.data.id" },
        async ({ event, step }) => step.run("work", () => trace.add(String(event.data.id), "ran")),
      );
      return [
        client.createFunction(
          { id: "two", triggers: [{ event: "two" }], concurrency: 2 },
          async ({ event, step }) => {
            for (const name of ["a", "b"]) {
              await step.run(name, () => occupancy.during("two", () => moment(40)));
            }
            trace.add(String(event.data.key), "end");
          },
        ),
        client.createFunction(
          {
            id: "keyed",
            triggers: [{ event: "keyed" }],
            concurrency: [{ limit: 1, key: 'event.data.tenant + "/" + event.data.area', scope: "fn" }],
          },
          async ({ event, step }) => {
            const { tenant, key, wait } = event.data as { tenant: string; key: string; wait?: boolean };
            await step.run("work", () =>
              occupancy.during(tenant, async () => {
                trace.add(key, tenant);
                if (wait) await hold(tenant);
                else await moment(30);
              }),
            );
          },
        ),
        client.createFunction(
          {
            id: "ranked",
            triggers: [{ event: "ranked" }],
            concurrency: { limit: 1 },
            priority: { run: "event.data.urgent == true ? 300 : event.data.later == true ? -300 : 0" },
          },
          async ({ event, step }) => {
            const { key, name } = event.data as { key: string; name: string };
            await step.run("work", async () => {
              trace.add(key, name);
              if (name === "first") await hold(key);
            });
          },
        ),
        once,
        client.createFunction(
          { id: "asks-once", retries: 0, triggers: [{ event: "asks-once" }] },
          async ({ event, step }) => {
            await step.invoke("one", { function: once, data: { id: event.data.id } });
            try {
              await step.invoke("two", { function: once, data: { id: event.data.id } });
              return "twice";
            } catch (error) {
              return (error as Error).message;
            }
          },
        ),
        client.createFunction(
          {
            id: "impatient",
            triggers: [{ event: "impatient" }],
            concurrency: 1,
            timeouts: { start: "1s" },
          },
          async ({ event, step }) => {
            const { key, name } = event.data as { key: string; name: string };
            await step.run("work", async () => {
              trace.add(key, name);
              if (name === "holder") await hold(key);
            });
          },
        ),
        client.createFunction(
          { id: "brief", triggers: [{ event: "brief" }], timeouts: { finish: "3s" } },
          async ({ event, step }) => {
            const key = String(event.data.key);
            await step.run("start", () => trace.add(key, "start"));
            await step.sleep("long", "8s");
            await step.run("end", () => trace.add(key, "end"));
          },
        ),
      ];
    });
  });
  afterAll(() => bench.close());

  it("runs no more steps of a function at once than its limit", async () => {
    const keys = Array.from({ length: 8 }, () => randomUUID());
    const ids = await Promise.all(keys.map((key) => bench.send("two", { key })));
    for (const id of ids) expect((await bench.ended(id)).status).toBe("Completed");
    expect(occupancy.most.get("two")).toBe(2);
    expect(keys.map((key) => bench.app.trace.of(key))).toEqual(keys.map(() => ["end"]));
  });

  it("limits each key by itself", async () => {
    const key = randomUUID();
    const [one, other] = [randomUUID(), randomUUID()];
    const send = (tenant: string, rest = {}) => bench.send("keyed", { key, tenant, area: "x", ...rest });
    const waiting = await send(one, { wait: true });
    await until("the first key to work", () => bench.app.trace.of(key).includes(one));
    const second = await send(one);
    // The other key is not held up by the first.
    const others = await Promise.all([send(other), send(other)]);
    for (const id of others) await bench.ended(id);
    expect(bench.app.trace.of(key)).toEqual([one, other, other]);
    letGo(one);
    await bench.ended(waiting);
    await bench.ended(second);
    expect([occupancy.most.get(one), occupancy.most.get(other)]).toEqual([1, 1]);
  });

  it("lets the runs with the higher priority go first", async () => {
    const key = randomUUID();
    const ids = [await bench.send("ranked", { key, name: "first" })];
    await until("the first to work", () => bench.app.trace.of(key).length === 1);
    ids.push(await bench.send("ranked", { key, name: "late", later: true }));
    for (const name of ["a", "b"]) {
      ids.push(await bench.send("ranked", { key, name }));
      await moment(5);
    }
    ids.push(await bench.send("ranked", { key, name: "urgent", urgent: true }));
    letGo(key);
    for (const id of ids) await bench.ended(id);
    expect(bench.app.trace.of(key)).toEqual(["first", "urgent", "a", "b", "late"]);
  });

  it("starts one run per idempotency key", async () => {
    const id = randomUUID();
    const events = [];
    for (let n = 0; n < 3; n++) events.push(await bench.send("once", { id, n }));
    const other = await bench.send("once", { id: randomUUID() });
    await bench.ended(events[0]!);
    await bench.ended(other);
    expect(bench.app.trace.of(id)).toEqual(["ran"]);
    expect(await bench.runsOf(events[2]!)).toEqual([]);
  });

  it("fails an invoke that the idempotency key forbids", async () => {
    const run = await bench.ended(await bench.send("asks-once", { id: randomUUID() }));
    expect(run).toMatchObject({ status: "Completed", output: "invoked function is rate limited" });
  });

  it("cancels a run that did not start in time, and no other", async () => {
    const key = randomUUID();
    const holder = await bench.send("impatient", { key, name: "holder" });
    await until("the holder to work", () => bench.app.trace.of(key).length === 1);
    const late = await bench.send("impatient", { key, name: "late" });
    await moment(1500);
    letGo(key);
    expect((await bench.ended(late)).status).toBe("Cancelled");
    expect((await bench.ended(holder)).status).toBe("Completed");
    expect(bench.app.trace.of(key)).toEqual(["holder"]);
  });

  it("cancels a run that does not finish in time", async () => {
    const key = randomUUID();
    expect((await bench.ended(await bench.send("brief", { key }))).status).toBe("Cancelled");
    expect(bench.app.trace.of(key)).toEqual(["start"]);
  });
});
