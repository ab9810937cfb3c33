import { once } from "node:events";
import { connect, createServer } from "node:net";
import { pino } from "pino";
import { expect, it, onTestFinished } from "vitest";
import { freePort } from "@/tests/support/listen-apart";
import { createTestDatabase } from "@/tests/support/postgres";
import { startPatiently } from "./start-patiently";

const APP = "http://127.0.0.1:1/api/inngest";

/** A port that leads to the database from `open` on; before, nobody listens there. */
async function gate(databaseUrl: string) {
  const real = new URL(databaseUrl);
  const server = createServer((socket) => {
    const onward = connect(Number(real.port), real.hostname);
    socket.pipe(onward).pipe(socket);
    for (const end of [socket, onward]) end.on("error", () => end.destroy());
  });
  const port = await freePort();
  const url = new URL(databaseUrl);
  url.port = String(port);
  return {
    url: url.href,
    open: () => once(server.listen(port, "127.0.0.1"), "listening"),
    close: () => server.close(),
  };
}

it("waits for a database that is away, and starts when it is back", async () => {
  const database = await createTestDatabase();
  const way = await gate(database.url);
  let waiting: () => void = () => undefined;
  const waits = new Promise<void>((resolve) => {
    waiting = resolve;
  });
  const log = pino(
    { level: "warn" },
    { write: (line: string) => line.includes("waiting for the database") && waiting() },
  );
  const starting = startPatiently({ databaseUrl: way.url, appUrl: APP, log });
  await waits;
  await way.open();
  const engine = await starting;
  onTestFinished(async () => {
    await engine.close();
    way.close();
    await database.drop();
  });
  expect((await fetch(`${engine.url}/health`)).status).toBe(200);
});

it("does not wait for ever, nor for what does not pass", async () => {
  const database = await createTestDatabase();
  onTestFinished(database.drop);
  const way = await gate(database.url);
  await expect(startPatiently({ databaseUrl: way.url, appUrl: APP }, 0)).rejects.toMatchObject({
    code: "ECONNREFUSED",
  });
  const stranger = new URL(database.url);
  stranger.password = "wrong";
  await expect(startPatiently({ databaseUrl: stranger.href, appUrl: APP })).rejects.toMatchObject({
    code: "28P01",
  });
});
