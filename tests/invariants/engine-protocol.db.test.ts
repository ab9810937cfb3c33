/** The edges of the protocol: signatures, refused registrations, stale checkpoints, crons, an app that is away. */
import pg from "pg";
import { pino } from "pino";
import { afterEach, describe, expect, it } from "vitest";
import { createSigner } from "@/inngest/embedded/signatures";
import { startEngine } from "@/inngest/embedded/start-engine";
import {
  type Bench,
  EVENT_KEY,
  SIGNING_KEY,
  startApp,
  startBench,
  talkTo,
  until,
} from "@/tests/conformance/engine/harness";
import { freePort } from "@/tests/support/listen-apart";
import { createTestDatabase } from "@/tests/support/postgres";

const SIGNED = { checkpointing: true, signed: true };

const closers: (() => Promise<unknown>)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

async function signedBench(build: Parameters<typeof startBench>[1]): Promise<Bench> {
  const bench = await startBench(SIGNED, build);
  closers.push(bench.close);
  return bench;
}

describe("keys", () => {
  it("refuses whoever does not know them", async () => {
    const bench = await signedBench((client) => [
      client.createFunction({ id: "f", triggers: [{ event: "f" }] }, () => undefined),
    ]);
    const post = async (path: string, headers: Record<string, string> = {}, body = "{}") =>
      (await fetch(bench.engineUrl + path, { method: "POST", body, headers })).status;
    const authorization = `Bearer ${createSigner(SIGNING_KEY).bearer}`;
    const stranger = `Bearer ${createSigner(SIGNING_KEY.replace("00", "ff")).bearer}`;
    expect(await post("/e/wrong-key", {}, '{"name":"f"}')).toBe(401);
    expect(await post(`/e/${EVENT_KEY}`, {}, '{"name":"f"}')).toBe(200);
    expect(await post("/fn/register")).toBe(401);
    expect(await post("/fn/register", { authorization: stranger })).toBe(401);
    expect(await post("/fn/register", { authorization: "Bearer undefined" })).toBe(401);
    expect(await post("/fn/register", { authorization })).toBe(400);
    expect(await post("/v1/checkpoint/x/async")).toBe(401);
    expect(await post("/v1/checkpoint/x/async", { authorization })).toBe(409);
    expect((await fetch(`${bench.engineUrl}/v1/runs/x`)).status).toBe(401);
    expect((await fetch(bench.app.url, { method: "POST", body: "{}" })).status).toBe(401);
  });

  it("does not trust an answer that is not signed", async () => {
    const database = await createTestDatabase();
    closers.push(database.drop);
    const dev = await startApp(
      { checkpointing: false, signed: false },
      () => engine.url,
      (client, trace) => [
        client.createFunction({ id: "f", retries: 1, triggers: [{ event: "f" }] }, () =>
          trace.add("f", "ran"),
        ),
      ],
    );
    closers.push(dev.close);
    const engine = await startEngine({
      databaseUrl: database.url,
      appUrl: dev.url,
      signingKey: SIGNING_KEY,
      eventKey: EVENT_KEY,
      backoffScale: 0.001,
    });
    closers.push(engine.close);
    await fetch(`${engine.url}/fn/register`, {
      method: "POST",
      headers: { authorization: `Bearer ${createSigner(SIGNING_KEY).bearer}` },
      body: JSON.stringify(registration(dev.client.id, dev.url, {})),
    });
    const { send, ended } = talkTo(dev, engine.url);
    const run = await ended(await send("f", {}));
    expect(run).toMatchObject({
      status: "Failed",
      output: { message: expect.stringContaining("valid signature") },
    });
  });
});

function registration(app: string, url: string, options: Record<string, unknown>) {
  return {
    appName: app,
    url,
    functions: [
      {
        id: `${app}-f`,
        triggers: [{ event: "f" }],
        steps: { step: { runtime: { url: `${url}?fnId=${app}-f&stepId=step` }, retries: { attempts: 0 } } },
        ...options,
      },
    ],
  };
}

describe("registration", () => {
  it.each([
    ['"env" of "concurrency"', { concurrency: [{ limit: 1, scope: "env" }] }],
    ['"account" of "concurrency"', { concurrency: { limit: 1, scope: "account", key: '"all"' } }],
    ["concurrency.key", { concurrency: { limit: 1, key: "string(event.data.n)" } }],
    ["concurrency.key", { concurrency: { limit: 1, key: "async.data.n" } }],
    ["size", { priority: { run: "size(event.data.list) > 2 ? 100 : 0" } }],
    ["*", { priority: { run: "event.data.n * 10" } }],
    ["idempotency", { idempotency: "event.data.id ||" }],
    ["timeouts.finish", { timeouts: { finish: "soon" } }],
    ["cancelOn.if", { cancel: [{ event: "x", if: "event.data.all(x, x > 1)" }] }],
    ["newOption", { newOption: true }],
    ['"ws"', { steps: { step: { runtime: { url: "ws://127.0.0.1:1", type: "ws" } } } }],
    ["retries", { steps: { step: { runtime: { url: "http://127.0.0.1:1" }, retries: { attempts: 21 } } } }],
    ["batchEvents", { batchEvents: { maxSize: 2, timeout: "1s" } }],
    ["rateLimit", { rateLimit: { limit: 1, period: "1m" } }],
    ["throttle", { throttle: { limit: 1, period: "1m" } }],
    ["debounce", { debounce: { period: "1m" } }],
    ["singleton", { singleton: { mode: "skip" } }],
    ["jitter", { triggers: [{ cron: "* * * * *", jitter: "10s" }] }],
    ["never", { triggers: [{ cron: "0 0 31 2 *" }] }],
    ["five fields", { triggers: [{ cron: "* * *" }] }],
    ["size", { triggers: [{ event: "f", expression: "size(event.data.list) > 2" }] }],
    ["f/*", { triggers: [{ event: "f/*" }] }],
  ])("refuses %s, naming it", async (named, options) => {
    const database = await createTestDatabase();
    closers.push(database.drop);
    const engine = await startEngine({ databaseUrl: database.url, appUrl: "http://127.0.0.1:1/api/inngest" });
    closers.push(engine.close);
    const response = await fetch(`${engine.url}/fn/register`, {
      method: "POST",
      body: JSON.stringify(registration("app", "http://127.0.0.1:1/api/inngest", options)),
    });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ status: 400, error: expect.stringContaining(named) });
  });
});

describe("events", () => {
  it.each([
    ["no JSON", "{", 400],
    ["no name", "{}", 400],
    ["a reserved name", '{"name":"inngest/function.failed"}', 400],
    ["control characters", '{"name":"a\\u0000b"}', 400],
    ["data that is a list", '{"name":"a","data":[1]}', 400],
    ["a body that is too large", `{"name":"a","data":{"x":"${"x".repeat(4_000_000)}"}}`, 413],
    ["a depth of 10,000", `{"name":"a","data":{"x":${"[".repeat(10_000)}${"]".repeat(10_000)}}}`, 400],
    ["__proto__", '{"name":"a","data":{"__proto__":{"x":1}}}', 200],
    ["a lone surrogate", '{"name":"a","data":{"x":"\\ud800"}}', 200],
  ])("answers %s", async (_, body, status) => {
    const database = await createTestDatabase();
    closers.push(database.drop);
    const engine = await startEngine({ databaseUrl: database.url, appUrl: "http://127.0.0.1:1/api/inngest" });
    closers.push(engine.close);
    expect((await fetch(`${engine.url}/e/any`, { method: "POST", body })).status).toBe(status);
    expect((await fetch(`${engine.url}/health`)).status).toBe(200);
  });
});

describe("time and absence", () => {
  it("fires a cron that fell due while the engine was down, once", async () => {
    const database = await createTestDatabase();
    closers.push(database.drop);
    const app = await startApp(
      SIGNED,
      () => engine.url,
      (client, trace) => [
        client.createFunction(
          { id: "cron", triggers: [{ cron: "TZ=Europe/Paris 0 3 29 2 *" }] },
          async ({ event }) => {
            trace.add("cron", `${event.name} ${String((event.data as { cron?: string }).cron)}`);
          },
        ),
      ],
    );
    closers.push(app.close);
    const options = {
      databaseUrl: database.url,
      appUrl: app.url,
      signingKey: SIGNING_KEY,
      eventKey: EVENT_KEY,
    };
    let engine = await startEngine(options);
    const client = new pg.Client(database.url);
    await client.connect();
    await until(
      "the cron to be stored",
      async () => (await client.query("SELECT 1 FROM engine.cron")).rowCount,
    );
    await engine.close();
    await client.query("UPDATE engine.cron SET next_at = 1000");
    engine = await startEngine(options);
    closers.push(() => engine.close());
    await until("the cron", () => app.trace.of("cron").length);
    const { rows } = await client.query<{ next_at: string }>("SELECT next_at FROM engine.cron");
    expect(Number(rows[0]!.next_at)).toBeGreaterThan(Date.now());
    await client.end();
    expect(app.trace.of("cron")).toEqual(["inngest/scheduled.timer TZ=Europe/Paris 0 3 29 2 *"]);
  });

  it("waits for an app that is away without using up attempts", async () => {
    const database = await createTestDatabase();
    closers.push(database.drop);
    const port = await freePort();
    const lines: string[] = [];
    const engine = await startEngine({
      log: pino({ level: "warn" }, { write: (line: string) => lines.push(line) }),
      databaseUrl: database.url,
      appUrl: `http://127.0.0.1:${port}/api/inngest`,
      signingKey: SIGNING_KEY,
      eventKey: EVENT_KEY,
    });
    closers.push(engine.close);
    const start = () =>
      startApp(
        SIGNED,
        () => engine.url,
        (client, trace) => [
          client.createFunction({ id: "f", retries: 0, triggers: [{ event: "f" }] }, async ({ step }) => {
            await step.sleep("a moment", "1s");
            return step.run("end", () => trace.add("f", "ran"));
          }),
        ],
        port,
        "away",
      );
    const first = await start();
    const { send, ended } = talkTo(first, engine.url);
    await until("the app to be synced", async () => {
      const { functions } = (await (await fetch(`${engine.url}/health`)).json()) as { functions: number };
      return functions > 0;
    });
    await first.close();
    const id = await send("f", {});
    await until("the app to be missed", async () => lines.some((line) => line.includes("app away")));
    const second = await start();
    closers.push(second.close);
    expect((await ended(id)).status).toBe("Completed");
    expect(second.trace.of("f")).toEqual(["ran"]);
  });

  it("runs a step again whose app died in the middle of it", async () => {
    const database = await createTestDatabase();
    closers.push(database.drop);
    const port = await freePort();
    const engine = await startEngine({
      databaseUrl: database.url,
      appUrl: `http://127.0.0.1:${port}/api/inngest`,
      signingKey: SIGNING_KEY,
      eventKey: EVENT_KEY,
    });
    closers.push(engine.close);
    const start = (hang: boolean) =>
      startApp(
        SIGNED,
        () => engine.url,
        (client, trace) => [
          client.createFunction({ id: "f", retries: 1, triggers: [{ event: "f" }] }, async ({ step }) => {
            await step.run("one", () => trace.add("f", "one"));
            await step.run("two", () => {
              trace.add("f", "two");
              return hang ? new Promise(() => undefined) : "two";
            });
            return "end";
          }),
        ],
        port,
        "dies",
      );
    const first = await start(true);
    const { send, ended } = talkTo(first, engine.url);
    await until("the app to be synced", async () => {
      const { functions } = (await (await fetch(`${engine.url}/health`)).json()) as { functions: number };
      return functions > 0;
    });
    const id = await send("f", {});
    await until("the second step", () => first.trace.of("f").length === 2);
    await first.close();
    const second = await start(false);
    closers.push(second.close);
    expect(await ended(id)).toMatchObject({ status: "Completed", output: "end" });
    expect(second.trace.of("f")).toEqual(["two"]);
  });

  it("tells a call that is not the current one to stop", async () => {
    const bench = await signedBench((client, trace) => [
      client.createFunction({ id: "f", triggers: [{ event: "f" }] }, async ({ step, runId }) => {
        await step.run("one", () => trace.add("f", runId));
        await step.waitForEvent("wait", { event: "never", timeout: "1h" });
      }),
    ]);
    await bench.send("f", {});
    const runId = await until("the run", () => bench.app.trace.of("f")[0]);
    const response = await fetch(`${bench.engineUrl}/v1/checkpoint/${runId}/async`, {
      method: "POST",
      headers: { authorization: `Bearer ${createSigner(SIGNING_KEY).bearer}` },
      body: JSON.stringify({
        qi_id: `${runId}:step`,
        request_id: "an old one",
        steps: [{ op: "StepRun", id: "x", data: 1 }],
      }),
    });
    expect(response.status).toBe(409);
  });

  it("lets one engine only work on a database", async () => {
    const database = await createTestDatabase();
    closers.push(database.drop);
    const options = { databaseUrl: database.url, appUrl: "http://127.0.0.1:1/api/inngest" };
    const engine = await startEngine(options);
    closers.push(engine.close);
    await expect(startEngine({ ...options, lockWaitMs: 200 })).rejects.toThrow("Another engine");
  });

  it("outlives a lost database connection", async () => {
    const bench = await signedBench((client) => [
      client.createFunction({ id: "f", triggers: [{ event: "f" }] }, ({ step }) => step.run("one", () => 1)),
    ]);
    const client = new pg.Client(bench.databaseUrl);
    await client.connect();
    const kill =
      "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()";
    await client.query(kill);
    const run = await bench.ended(await bench.send("f", {}));
    expect(run).toMatchObject({ status: "Completed", output: 1 });
    await client.end();
  });
});
