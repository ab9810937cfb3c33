/** Nothing accepted is lost when the engine is killed at any moment, and no step is recorded twice. */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleEngine, type EngineProcess, spawnEngine } from "@/tests/conformance/engine/child";
import { type App, startApp, talkTo, until } from "@/tests/conformance/engine/harness";
import { freePort } from "@/tests/support/listen-apart";
import { createTestDatabase, type TestDatabase } from "@/tests/support/postgres";

const folder = mkdtempSync(join(tmpdir(), "fabrica-durability-"));
let bundle: string;
beforeAll(async () => {
  bundle = await bundleEngine(folder);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each([{ checkpointing: true }, { checkpointing: false }])(
  "after SIGKILL ($checkpointing)",
  ({ checkpointing }) => {
    let database: TestDatabase;
    let app: App;
    let engine: EngineProcess;
    let port: number;
    let bench: ReturnType<typeof talkTo>;
    const restart = async () => {
      await engine.kill();
      engine = await spawnEngine(database.url, app.url, port, { bundle });
    };

    beforeAll(async () => {
      database = await createTestDatabase();
      port = await freePort();
      const engineUrl = `http://127.0.0.1:${port}`;
      app = await startApp(
        { checkpointing, signed: true },
        () => engineUrl,
        (client, trace) => {
          const child = client.createFunction(
            { id: "child", triggers: [], retries: 10 },
            async ({ event, step }) => {
              const { key } = event.data as { key: string };
              await step.waitForEvent("go", { event: "go", match: "data.key", timeout: "5m" });
              return step.run("work", () => trace.add(key, "child"));
            },
          );
          return [
            child,
            client.createFunction(
              { id: "chain", triggers: [{ event: "chain" }], retries: 10 },
              async ({ event, step }) => {
                const key = String(event.data.key);
                let sum = 0;
                for (let i = 0; i < 30; i++) {
                  sum += await step.run(`turn-${i}`, async () => {
                    trace.add(key, `turn-${i}`);
                    await new Promise((resolve) => setTimeout(resolve, 20));
                    return i;
                  });
                }
                return sum;
              },
            ),
            client.createFunction(
              { id: "parent", triggers: [{ event: "parent" }], retries: 10 },
              async ({ event, step }) => {
                const key = String(event.data.key);
                await step.run("start", () => trace.add(key, "start"));
                await step.sleep("nap", "2s");
                await step.run("awake", () => trace.add(key, "awake"));
                await step.invoke("child", { function: child, data: { key } });
                return "end";
              },
            ),
          ];
        },
      );
      engine = await spawnEngine(database.url, app.url, port, { bundle });
      bench = talkTo(app, engineUrl);
      await until("the app to be synced", async () => {
        const { functions } = (await (await fetch(`${engineUrl}/health`)).json()) as { functions: number };
        return functions > 0;
      });
    });
    afterAll(async () => {
      await engine.kill();
      await app.close();
      await database.drop();
    });

    it("goes on in the middle of steps, recording each once", async () => {
      const id = await bench.send("chain", { key: "c" });
      for (const turns of [3, 10, 20]) {
        await until(`${turns} turns`, () => new Set(app.trace.of("c")).size >= turns);
        await restart();
      }
      const run = await bench.ended(id);
      expect(run).toMatchObject({ status: "Completed", output: 435 });
      const client = new pg.Client(database.url);
      await client.connect();
      const { rows } = await client.query(
        "SELECT count(*)::int AS steps FROM engine.step WHERE run_id = $1",
        [run.run_id],
      );
      const left = await client.query("SELECT 1 FROM engine.work WHERE run_id = $1", [run.run_id]);
      await client.end();
      expect(rows).toEqual([{ steps: 30 }]);
      expect(left.rowCount).toBe(0);
      // At most the step under way at each kill ran again.
      expect(app.trace.of("c").length).toBeLessThanOrEqual(33);
    });

    it("keeps events, sleeps, invokes and waits", async () => {
      const id = await bench.send("parent", { key: "p" });
      await restart();
      await until("the start", () => app.trace.of("p").includes("start"));
      await engine.kill();
      // The sleep ends while the engine is down; it fires late, not never.
      await until("the sleep to be over", async () => {
        await new Promise((resolve) => setTimeout(resolve, 2100));
        return true;
      });
      engine = await spawnEngine(database.url, app.url, port, { bundle });
      await until("the run to be awake", () => app.trace.of("p").includes("awake"));
      await restart();
      await until("the child to be reached", async () => {
        await bench.send("go", { key: "p" });
        return app.trace.of("p").includes("child");
      });
      await restart();
      expect(await bench.ended(id)).toMatchObject({ status: "Completed", output: "end" });
      // Once more for each of the two ends before it could be recorded.
      expect(app.trace.of("p").filter((what) => what === "start").length).toBeLessThanOrEqual(3);
    });

    it("stops cleanly at SIGTERM and goes on later", async () => {
      await bench.send("chain", { key: "t" });
      await until("a turn", () => app.trace.of("t").length > 0);
      const code = new Promise((resolve) => engine.child.once("exit", resolve));
      engine.child.kill("SIGTERM");
      expect(await code).toBe(0);
      engine = await spawnEngine(database.url, app.url, port, { bundle });
      await until("the rest of the turns", () => new Set(app.trace.of("t")).size === 30);
    });
  },
);
