// The database goes away in every way that it can: whoever asks meanwhile is told 503 and when to try again, within
// seconds, and trying again with the same key has one effect.
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { handleJobEvents } from "@/server/api/http/job-events";
import { handleRest } from "@/server/api/http/rest";
import { handleTeamEvents } from "@/server/api/http/team-events";
import { handleTrpc } from "@/server/api/http/trpc";
import { handleWorkerCall } from "@/server/api/worker/handle-worker-call";
import { connect, type Db, db as sharedDb } from "@/server/db";
import { Listener, listener as sharedListener } from "@/server/events/listen";
import { processWide } from "@/server/process-wide";
import { DatabaseProxy } from "../support/database-proxy";
import { addPerson, type Factory, makeRequest, PASSWORD, type Person, read, startFactory } from "./support";

const PATIENCE_MS = 300;
let factory: Factory;
let proxy: DatabaseProxy;
/** Reaches the database through the proxy only. */
let weak: Db;
/** The same with the patience of a server: for what must get its connection. */
let steady: Db;
let ana: Person;
let job: string;

beforeAll(async () => {
  factory = await startFactory({ FABRICA_RUNNER_TOKEN: "registration-token-of-this-test" });
  proxy = await DatabaseProxy.start(factory.url);
  process.env.DATABASE_URL = proxy.url;
  weak = connect(proxy.url, 2, PATIENCE_MS);
  steady = connect(proxy.url, 2);
  processWide<{ db?: Db }>("own-database", () => ({})).db = weak;
  ana = await addPerson(factory.db, "ana", "north", "admin");
  job = (await create(randomUUID())).json.job_id;
});
afterEach(async () => {
  proxy.set("open");
  // Healed without anybody's help.
  await expect.poll(async () => (await create(randomUUID())).status, { timeout: 10_000 }).toBe(201);
});
afterAll(async () => {
  await sharedListener().close();
  await sharedDb().$disconnect();
  await steady.$disconnect();
  await proxy.stop();
  await factory.close();
});

async function create(key: string, title = "A job", by = weak) {
  const call = { token: ana.token, body: { title }, headers: { "idempotency-key": key } };
  return read(await handleRest(makeRequest("POST", "/api/v1/jobs", call), by));
}

const jobsTitled = (title: string) => factory.db.job.count({ where: { title } });

function expectAway(answer: { status: number; headers: Headers; json: unknown }): void {
  expect(answer.status).toBe(503);
  expect(answer.headers.get("retry-after")).toMatch(/^\d+$/);
  expect(JSON.stringify(answer.json)).toContain('"unavailable"');
  expect(JSON.stringify(answer.json)).not.toMatch(/prisma|ECONN|timeout exceeded|127\.0\.0\.1/i);
}

const signedIn = (method: string, path: string, body?: unknown) =>
  makeRequest(method, path, { token: ana.token, ...(body === undefined ? {} : { body }) });
const worker = (verb: string, body: unknown) =>
  makeRequest("POST", `/api/worker/worker-1/${verb}`, { token: "fabw_x", body });

/** Every kind of address that needs the database. */
const ASKERS: [name: string, ask: () => Promise<Response>][] = [
  ["REST: a list", () => handleRest(signedIn("GET", "/api/v1/jobs"), weak)],
  ["REST: a new job", () => handleRest(signedIn("POST", "/api/v1/jobs", { title: "x" }), weak)],
  ["REST: a change", () => handleRest(signedIn("DELETE", `/api/v1/jobs/${job}`), weak)],
  [
    "REST: sign in",
    () =>
      handleRest(
        makeRequest("POST", "/api/v1/auth/login", { body: { username: "ana", password: PASSWORD } }),
        weak,
      ),
  ],
  [
    "tRPC: a list",
    () => handleTrpc(signedIn("GET", "/api/trpc/jobs.list?input=%7B%22json%22%3A%7B%7D%7D"), weak),
  ],
  [
    "tRPC: a new job",
    () => handleTrpc(signedIn("POST", "/api/trpc/jobs.create", { json: { title: "x" } }), weak),
  ],
  [
    "the stream of a job",
    () => handleJobEvents(signedIn("GET", `/api/v1/jobs/${job}/events`), job, { db: weak }),
  ],
  ["the stream of a team", () => handleTeamEvents(signedIn("GET", "/api/events"))],
  [
    "a worker's heartbeat",
    () => handleWorkerCall(worker("heartbeat", { lease: null }), ["worker-1", "heartbeat"]),
  ],
  ["a worker's claim", () => handleWorkerCall(worker("claim", { wait_ms: 0 }), ["worker-1", "claim"])],
  [
    "a runner that registers",
    () =>
      handleWorkerCall(
        makeRequest("POST", "/api/worker/register", {
          token: "registration-token-of-this-test",
          body: {
            protocol: 1,
            name: "r",
            slots: 1,
            driver: "bubblewrap",
            probe: [{ name: "memory", result: "pass", detail: "limited" }],
            programs: {},
          },
        }),
        ["register"],
      ),
  ],
];

describe("a database that refuses connections", () => {
  test.each(ASKERS)("%s: 503", async (_, ask) => {
    proxy.set("away");
    expectAway(await read(await ask()));
  });
});

describe("a database that says nothing", () => {
  // More than one at a time: the first ones meet open connections, the others wait for one.
  test.each(ASKERS)("%s: 503 within the patience, not a request that hangs", async (_, ask) => {
    proxy.set("silent");
    for (const answer of await Promise.all([ask(), ask(), ask(), ask()])) expectAway(await read(answer));
  });
});

test("all connections in use: 503 for whoever waits too long", async () => {
  let free: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    free = resolve;
  });
  let inUse = 0;
  const holders = [0, 1].map(() =>
    weak.$transaction(async (tx) => {
      await tx.$queryRaw`SELECT 1`;
      inUse++;
      await held;
    }),
  );
  try {
    await expect.poll(() => inUse, { interval: 5 }).toBe(2);
    expectAway(await create(randomUUID(), "crowded out"));
  } finally {
    free();
    await Promise.all(holders);
  }
  expect(await jobsTitled("crowded out")).toBe(0);
});

describe("a connection that breaks in the middle of a commit", () => {
  test.each(["before", "after"] as const)(
    "%s the server committed: 503, and the same key gives one job",
    async (when) => {
      const key = randomUUID();
      const title = `cut ${when}`;
      proxy.set(when);
      const cut = proxy.cut;
      expectAway(await create(key, title, steady));
      expect(proxy.cut).toBe(cut + 1);
      expect(await jobsTitled(title)).toBe(when === "after" ? 1 : 0);
      const again = await create(key, title, steady);
      expect(again.status).toBe(201);
      expect((await create(key, title, steady)).json.job_id).toBe(again.json.job_id);
      expect(await jobsTitled(title)).toBe(1);
    },
  );

  test("a cancellation that was committed unseen is told as what it is", async () => {
    const { json } = await create(randomUUID(), "A job", steady);
    const cancel = async () =>
      read(await handleRest(signedIn("DELETE", `/api/v1/jobs/${json.job_id}`), steady));
    proxy.set("after");
    expectAway(await cancel());
    expect(await cancel()).toMatchObject({ status: 409, json: { error: { code: "conflict" } } });
    const shown = await read(await handleRest(signedIn("GET", `/api/v1/jobs/${json.job_id}`), steady));
    expect(shown.json.status).toBe("cancelled");
  });
});

describe("notifications", () => {
  let listener: Listener;
  beforeAll(() => {
    listener = new Listener(proxy.url, 100);
  });
  afterAll(() => listener.close());

  test.each(["away", "silent"] as const)(
    "a stream that was open all the time tells every event once, although its database went %s",
    async (mode) => {
      const leaving = new AbortController();
      const request = new Request(signedIn("GET", `/api/v1/jobs/${job}/events`), { signal: leaving.signal });
      // Longer than the test: only a notification, or the word that one was missed, brings the events.
      const response = await handleJobEvents(request, job, { db: weak, listener, idleMs: 600_000 });
      const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
      let text = "";
      const ids = () => [...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1]));
      const until = async (count: number) => {
        while (ids().length < count) text += (await reader?.read())?.value ?? "";
      };
      try {
        await until(1);
        proxy.set(mode);
        const { asked } = proxy;
        for (const priority of ["low", "high", "critical"]) {
          const call = { token: ana.token, body: { priority } };
          await handleRest(makeRequest("POST", `/api/v1/jobs/${job}/priority`, call), factory.db);
        }
        const { lastSeq } = await factory.db.job.findUniqueOrThrow({ where: { publicId: job } });
        expect(lastSeq).toBeGreaterThan(ids().length);
        // Only the listener asks for a new connection by itself.
        await expect.poll(() => proxy.asked).toBeGreaterThan(asked);
        proxy.set("open");
        await until(lastSeq);
        expect(ids()).toEqual(Array.from({ length: lastSeq }, (_, index) => index + 1));
      } finally {
        leaving.abort();
      }
    },
  );
});
