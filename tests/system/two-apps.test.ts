// Two app processes behind one database: what is done through one is seen through the other, and whatever runs in both
// takes effect once.
import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { ApiClient } from "@/cli/client/api";
import { followEvents } from "@/cli/client/event-stream";
import { withDatabase } from "@/cli/launcher/embedded-postgres";
import { migrate, readMigrations } from "@/prisma/migrate";
import { PROTOCOL_VERSION } from "@/runner/protocol";
import { ServerClient, type WorkerClient } from "@/runner/server-client";
import { jobView, workerView } from "@/server/domain/outputs";
import { DatabaseProxy } from "../support/database-proxy";
import { auditDatabase, auditDeliveries } from "./audit";
import { Factory } from "./factory";
import { submit, untilSettled } from "./jobs";
import { SecondApp } from "./second-app";

let factory: Factory;
let second: SecondApp;
/** The factory's own app and the second one. */
let A: ApiClient;
let B: ApiClient;

beforeAll(async () => {
  factory = await Factory.start({ env: { LEASE_SECONDS: "3", DEAD_SECONDS: "6" } });
  second = await SecondApp.start(factory);
  A = factory.client;
  B = new ApiClient({ url: second.url, token: null, ...factory.admin });
}, 180_000);
afterAll(async () => {
  await second?.stop();
  await factory?.stop();
}, 60_000);

const never = new AbortController().signal;
const give = (app: ApiClient, path: string, body: unknown = {}) =>
  app.call("POST", `/api/v1${path}`, z.unknown(), body);
const file = async (app: ApiClient, request: Record<string, unknown> = {}) =>
  (await app.call("POST", "/api/v1/jobs", jobView, { title: `A job ${randomUUID()}`, ...request })).job_id;
const workersSeenBy = async (app: ApiClient) =>
  (await app.call("GET", "/api/v1/workers", z.object({ workers: z.array(workerView) }))).workers;

describe("what is done through one app", () => {
  it("is told by the streams of the other, in order", async () => {
    const leaving = new AbortController();
    const job = await file(A, { spec: "# Nothing\n" });
    await give(A, `/jobs/${job}/pause`);
    const seen: string[] = [];
    const hints: string[] = [];
    const following = (async () => {
      for await (const event of followEvents(A, `/api/v1/jobs/${job}/events`, leaving.signal))
        seen.push(event.type);
    })();
    const watching = (async () => {
      for await (const event of followEvents(A, "/api/events", leaving.signal))
        hints.push(JSON.stringify(event.data));
    })();
    await expect.poll(() => [seen.length > 0, hints.length > 0]).toEqual([true, true]);
    const before = seen.length;
    await give(B, `/jobs/${job}/priority`, { priority: "low" });
    await give(B, `/jobs/${job}/priority`, { priority: "high" });
    await B.call("DELETE", `/api/v1/jobs/${job}`, z.unknown());
    await expect.poll(() => seen.length).toBe(before + 3);
    await expect
      .poll(() => hints.some((hint) => hint.includes(job) && hint.includes("cancelled")))
      .toBe(true);
    leaving.abort();
    await Promise.all([following, watching]);
  });

  it("counts for the limits of both", async () => {
    const body = JSON.stringify({ username: "nobody-at-all", password: "not the right one" });
    const statuses = [];
    for (let attempt = 0; attempt < 6; attempt++) {
      const { url } = attempt % 2 === 0 ? A : B;
      const headers = { "content-type": "application/json" };
      statuses.push((await fetch(`${url}/api/v1/auth/login`, { method: "POST", headers, body })).status);
    }
    expect(statuses).toEqual([401, 401, 401, 401, 401, 429]);
  });

  it("a job filed at one is finished by the runner of the other, while both send and sweep", async () => {
    const job = await submit(Object.assign(Object.create(factory), { url: second.url, client: B }));
    expect((await untilSettled(factory, job)).status).toBe("completed");
    expect(await auditDatabase(factory, [job])).toEqual([]);
    expect(await auditDeliveries(factory, [job])).toEqual([]);
    const [runs] = await factory.sql(
      `SELECT count(*) FILTER (WHERE r.status <> 'skipped')::int AS n FROM engine.run r JOIN engine.event e ON e.id = r.event_id
        WHERE e.name = 'job/started' AND e.body LIKE '%' || $1 || '%'`,
      [job],
    );
    expect(runs).toEqual({ n: 1 });
  });
});

describe("workers", () => {
  const SLOTS = 6;
  const JOBS = 30;
  /** The same workers, each as a client of both apps. */
  let pairs: { id: string; a: WorkerClient; b: WorkerClient }[];
  let jobs: string[];

  beforeAll(async () => {
    // The factory's own runner stays out of it.
    await vi.waitUntil(async () => (await workersSeenBy(A)).length === 2, { timeout: 60_000, interval: 100 });
    for (const { worker_id } of await workersSeenBy(A)) await give(B, `/workers/${worker_id}/drain`);
    const { runner } = z
      .object({ runner: z.string() })
      .parse(JSON.parse(readFileSync(join(factory.dataDir, "secrets.json"), "utf8")));
    const [clientA, clientB] = [new ServerClient(A.url), new ServerClient(B.url)];
    const { workers } = await clientA.register(
      runner,
      {
        protocol: PROTOCOL_VERSION,
        name: "by hand",
        slots: SLOTS,
        driver: "bubblewrap",
        probe: [{ name: "memory", result: "pass", detail: "limited" }],
        programs: {},
      },
      { signal: never, onFailure: () => undefined },
    );
    pairs = workers.map(({ worker_id: id, token }) => ({
      id,
      a: clientA.worker(id, token),
      b: clientB.worker(id, token),
    }));
  });

  it("an order given at one app is seen at the other", async () => {
    expect((await workersSeenBy(A)).filter(({ status }) => status === "draining")).toHaveLength(2);
  });

  it("who registered at one may call the other", async () => {
    for (const { a, b } of pairs) {
      expect(await b.heartbeat({ lease: null }, never)).toEqual({ action: "none" });
      expect(await a.heartbeat({ lease: null }, never)).toEqual({ action: "none" });
    }
  });

  it("claims through both give each job to one worker", async () => {
    const blocker = await file(A);
    await give(A, `/jobs/${blocker}/pause`);
    jobs = await Promise.all(Array.from({ length: JOBS }, (_, n) => file(n % 2 ? A : B)));
    const claimed: string[] = [];
    await Promise.all(
      pairs.map(async ({ a, b }, index) => {
        const claim = await (index % 2 === 0 ? a : b).claim(0, never);
        if (claim) claimed.push(`${claim.job_id} ${claim.fence}`);
      }),
    );
    expect(claimed).toHaveLength(SLOTS);
    expect(new Set(claimed.map((claim) => claim.split(" ")[0])).size).toBe(SLOTS);
    const held = await factory.sql<{ n: number }>(
      "SELECT count(*)::int AS n FROM job WHERE lease_worker_id = ANY($1::text[]) GROUP BY lease_worker_id",
      [pairs.map(({ id }) => id)],
    );
    expect(held).toEqual(Array.from({ length: SLOTS }, () => ({ n: 1 })));
  });

  it("both look for lost leases, and each is lost once", async () => {
    // Silence: nobody sends a heartbeat for the leases above.
    const losses = () =>
      factory.sql<{ n: number }>(
        `SELECT count(*)::int AS n FROM job_event e JOIN job j ON j.id = e.job_id
          WHERE e.type = 'lease.lost' AND j.public_id = ANY($1::text[]) GROUP BY j.id, e.data->>'fence'`,
        [jobs],
      );
    await expect.poll(async () => (await losses()).length, { timeout: 20_000, interval: 250 }).toBe(SLOTS);
    expect(await losses()).toEqual(Array.from({ length: SLOTS }, () => ({ n: 1 })));
    expect(await auditDatabase(factory, jobs)).toEqual([]);
    const [free] = await factory.sql(
      "SELECT count(*)::int AS n FROM job WHERE claimable AND public_id = ANY($1)",
      [jobs],
    );
    expect(free).toEqual({ n: JOBS });
  });

  it("who is silent is dead for both", async () => {
    const ids = pairs.map(({ id }) => id);
    const dead = async (app: ApiClient) =>
      (await workersSeenBy(app)).filter(
        ({ worker_id, status }) => ids.includes(worker_id) && status === "dead",
      ).length;
    await expect.poll(() => dead(A), { timeout: 20_000, interval: 250 }).toBe(SLOTS);
    expect(await dead(B)).toBe(SLOTS);
  });
});

it("migrations that are started several times at the same moment are applied once", async () => {
  await factory.sql("CREATE DATABASE migrated_together");
  const url = withDatabase(factory.databaseUrl, "migrated_together");
  const applied = (await Promise.all([migrate(url), migrate(url), migrate(url)])).flat();
  expect(applied.sort()).toEqual(readMigrations().map(({ name }) => name));
  expect(await migrate(url)).toEqual([]);
});

describe("an app that has lost its database", () => {
  it("says so on every kind of page and address, and heals by itself", async () => {
    const proxy = await DatabaseProxy.start(factory.databaseUrl);
    const cut = await SecondApp.start(factory, { DATABASE_URL: proxy.url });
    try {
      const csrf = await fetch(`${cut.url}/api/auth/csrf`);
      const { csrfToken } = (await csrf.json()) as { csrfToken: string };
      const cookie = csrf.headers
        .getSetCookie()
        .map((set) => set.split(";")[0])
        .join("; ");
      const { username, password } = factory.admin;
      const signIn = () =>
        fetch(`${cut.url}/api/auth/callback/credentials`, {
          method: "POST",
          redirect: "manual",
          headers: { "content-type": "application/x-www-form-urlencoded", cookie },
          body: new URLSearchParams({ csrfToken, username, password, json: "true" }),
        });
      const page = (more = "") =>
        fetch(`${cut.url}/jobs`, { headers: { cookie: cookie + more }, redirect: "manual" });
      const session = (await signIn()).headers
        .getSetCookie()
        .map((set) => `; ${set.split(";")[0]}`)
        .join("");
      expect((await page(session)).status).toBe(200);
      proxy.set("away");
      const refused = await signIn();
      expect([refused.status, refused.headers.get("retry-after")]).toEqual([503, "2"]);
      expect(
        (await fetch(`${cut.url}/api/v1/jobs`, { headers: { authorization: "Bearer fab_x" } })).status,
      ).toBe(503);
      expect((await page(session)).status).toBeGreaterThanOrEqual(500);
      proxy.set("open");
      await expect.poll(async () => (await page(session)).status).toBe(200);
      expect((await signIn()).status).toBe(200);
    } finally {
      await cut.stop();
      await proxy.stop();
    }
  }, 120_000);
});
