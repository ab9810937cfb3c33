// An engine that repeats and reorders: every call to the app is made twice, every event is sent twice and once more
// under another id, and news of finished commands arrive late and in the wrong order. One effect each is asked for.
// It runs with an engine that the launcher did not start, so that path is seen as well.
import { createServer, type IncomingMessage, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, it } from "vitest";
import { z } from "zod";
import { type RunningEngine, startEngine } from "@/inngest/embedded/start-engine";
import { healthDetailView } from "@/server/domain/outputs";
import { check } from "@/tests/chaos/check";
import { seeded } from "@/tests/chaos/random";
import { createTestDatabase, type TestDatabase } from "@/tests/support/postgres";
import { Factory } from "./factory";
import { childrenOf } from "./host-processes";
import { simulated, submit, untilSettled } from "./jobs";

const KEY = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const EVENT_KEY = "the-event-key";
/** A repetition comes together with its original, shortly after it, or when that is nearly over. */
const DELAYS_MS = [0, 0, 5, 40, 150];
/** How long news of finished commands are held back to be turned round. */
const HELD_MS = 120;

const random = seeded("duplicates");
const said: Record<string, number> = {};
const count = (what: string) => {
  said[what] = (said[what] ?? 0) + 1;
};

let database: TestDatabase;
let engine: RunningEngine;
let factory: Factory;
const servers: Server[] = [];

interface Call {
  method: string;
  path: string;
  headers: Record<string, string>;
  body: Buffer;
}

async function listen(answer: (call: Call) => Promise<Response>): Promise<string> {
  const server = createServer(async (request, response) => {
    try {
      const given = await answer(await readCall(request));
      const body = Buffer.from(await given.arrayBuffer());
      const dropped = ["content-length", "content-encoding", "transfer-encoding", "connection", "keep-alive"];
      for (const [name, value] of given.headers) if (!dropped.includes(name)) response.setHeader(name, value);
      response.writeHead(given.status).end(body);
    } catch {
      response.destroy(); // The other side is away: so is this one.
    }
  });
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

async function readCall(request: IncomingMessage): Promise<Call> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const hop = ["host", "connection", "content-length", "transfer-encoding", "keep-alive", "accept-encoding"];
  const headers = Object.entries(request.headers).filter(([name]) => !hop.includes(name));
  return {
    method: request.method ?? "GET",
    path: request.url ?? "/",
    headers: Object.fromEntries(headers) as Record<string, string>,
    body: Buffer.concat(chunks),
  };
}

function send(target: string, { method, path, headers, body }: Call): Promise<Response> {
  const payload = ["GET", "HEAD"].includes(method) ? {} : { body: new Uint8Array(body) };
  return fetch(target + path, { method, headers, ...payload });
}

/** Sends it once more, with the very same signature; nobody hears the answer. */
function repeat(target: string, call: Call, what: string): void {
  setTimeout(() => {
    count(what);
    send(target, call).then(
      (answer) => answer.arrayBuffer(),
      () => undefined,
    );
  }, random.of(DELAYS_MS));
}

const posted = z.object({ id: z.string(), name: z.string(), data: z.record(z.string(), z.unknown()) });

/** Events on their way to the engine: those of a finished command late and turned round, each again under another id. */
async function passEvents(target: string, call: Call): Promise<Response> {
  const events = z.array(posted.loose()).parse([JSON.parse(call.body.toString())].flat());
  const post = (list: z.infer<typeof posted>[]) =>
    send(target, { ...call, body: Buffer.from(JSON.stringify(list)) });
  const late = events.filter(({ name }) => name === "command/finished");
  const now = events.filter(({ name }) => name !== "command/finished");
  const again = events.map((event) => ({ ...event, id: `again:${event.id}` }));
  for (const { name } of events) count(`event ${name} again under another id`);
  held.push(...late);
  setTimeout(() => {
    const turned = held.splice(0).reverse();
    if (turned.length > 1) count("events turned round");
    if (turned.length > 0) post([...turned, ...turned]).catch(() => undefined);
    post(again).catch(() => undefined);
  }, HELD_MS);
  if (now.length > 0) return post([...now, ...now]);
  return Response.json({ ids: late.map(({ id }) => id), status: 200 });
}
const held: z.infer<typeof posted>[] = [];

beforeAll(async () => {
  database = await createTestDatabase();
  const toApp = await listen((call) => {
    if (call.method === "POST") repeat(factory.url, call, "call of a function");
    return send(factory.url, call);
  });
  const toEngine = await listen((call) => {
    if (call.path.startsWith("/e/")) return passEvents(engine.url, call);
    if (call.path.startsWith("/v1/checkpoint/")) repeat(engine.url, call, "checkpoint");
    return send(engine.url, call);
  });
  engine = await startEngine({
    databaseUrl: database.url,
    appUrl: `${toApp}/api/inngest`,
    signingKey: KEY,
    eventKey: EVENT_KEY,
    backoffScale: 0.02,
  });
  factory = await Factory.start({
    env: { INNGEST_BASE_URL: toEngine, INNGEST_SIGNING_KEY: KEY, INNGEST_EVENT_KEY: EVENT_KEY },
  });
}, 180_000);

afterAll(async () => {
  await engine?.close();
  await factory?.stop();
  for (const server of servers) {
    server.closeAllConnections();
    server.close();
  }
  await database?.drop();
}, 90_000);

it("starts no engine of its own beside a server that the settings name, and says which it uses", async () => {
  expect(factory.pids().engine).toBeUndefined();
  const launcher = factory.everyPid()[0] ?? -1;
  expect(childrenOf(launcher).filter(({ command }) => command.includes("engine.mjs"))).toEqual([]);
  const health = await factory.client.call("GET", "/api/v1/health/detailed", healthDetailView);
  expect(health.components.engine).toMatchObject({
    ok: true,
    detail: expect.stringMatching(/^Inngest server at 127\.0\.0\.1:\d+, answers$/),
  });
});

it("has one effect of every call and event, however often and in whatever order they come", async () => {
  const models = ["sim-1", "sim-1+test@1", "sim-1+garbage@1", "sim-1+lint@1"];
  const ids = await Promise.all(models.map((model) => submit(factory, { models: simulated(model) })));
  for (const id of ids) {
    expect(await untilSettled(factory, id, 240_000)).toMatchObject({ status: "completed" });
  }
  expect(await check(factory, ids, true)).toEqual([]);
  expect(said["call of a function"]).toBeGreaterThanOrEqual(2 * ids.length);
  expect(said["event job/started again under another id"]).toBeGreaterThanOrEqual(ids.length);
}, 300_000);
