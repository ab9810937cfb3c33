import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type EmbeddedPostgres, startEmbeddedPostgres } from "./embedded-postgres";

async function ask<Row extends pg.QueryResultRow>(url: string, sql: string): Promise<Row[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => undefined);
  await client.connect();
  try {
    return (await client.query<Row>(sql)).rows;
  } finally {
    await client.end();
  }
}

describe("the embedded database", () => {
  const folder = mkdtempSync(join(tmpdir(), "fabrica-pg-"));
  const dataDir = join(folder, "postgres");
  let server: EmbeddedPostgres;

  beforeAll(async () => {
    chmodSync(folder, 0o755);
    server = await startEmbeddedPostgres({ dataDir });
  });

  afterAll(async () => {
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  it("is a real, durable server that folds and sorts beyond ASCII", async () => {
    const [row] = await ask<{ low: string; fsync: string }>(
      server.url,
      "SELECT lower('Ação') AS low, current_setting('fsync') AS fsync",
    );
    expect(row).toEqual({ low: "ação", fsync: "on" });
  });

  it("listens on loopback only and refuses a wrong password", async () => {
    const [row] = await ask<{ a: string }>(server.url, "SELECT current_setting('listen_addresses') AS a");
    expect(row?.a).toBe("127.0.0.1");
    const wrong = new URL(server.url);
    wrong.password = "wrong";
    await expect(ask(wrong.href, "SELECT 1")).rejects.toThrow(/password/);
  });

  it("adopts a server that a killed launcher left behind", async () => {
    const again = await startEmbeddedPostgres({ dataDir });
    expect(again).toMatchObject({ adopted: true, pid: server.pid, url: server.url });
  });

  it("comes back after SIGKILL with everything that was committed", async () => {
    await ask(server.url, "CREATE TABLE kept (n int); INSERT INTO kept VALUES (7)");
    process.kill(server.pid, "SIGKILL");
    await server.exited;
    server = await startEmbeddedPostgres({ dataDir });
    expect(server.adopted).toBe(false);
    expect(await ask(server.url, "SELECT n FROM kept")).toEqual([{ n: 7 }]);
  });

  it("is gone after stop, and starts again on the same folder", async () => {
    await server.stop();
    await expect(ask(server.url, "SELECT 1")).rejects.toThrow(/ECONNREFUSED/);
    server = await startEmbeddedPostgres({ dataDir });
    expect(await ask(server.url, "SELECT n FROM kept")).toEqual([{ n: 7 }]);
  });
});
