// Postgres is killed again and again under load. Whoever asks meanwhile is answered 503 in time, and whatever was
// acknowledged is there afterwards, exactly once.
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { followEvents } from "@/cli/client/event-stream";
import { auditDatabase, auditDeliveries } from "./audit";
import { Factory } from "./factory";
import { post, submit, untilSettled } from "./jobs";

const LOSSES = 4;
const CLIENTS = 6;
/** Longer than the app's own patience with a silent database. */
const ANSWER_LIMIT_MS = 30_000;
/** Whatever has to come in the end is there within this time, or the test says what was not. */
const PATIENCE_MS = 60_000;

let factory: Factory;
let bearer: string;
/** Settles last: everything else waits for it, so that the load costs no worker anything. */
let blocker: string;

beforeAll(async () => {
  factory = await Factory.start({ env: { LOG_LEVEL: "error" } });
  const tokens = z.object({ access_token: z.string() });
  bearer = (await factory.client.call("POST", "/api/v1/auth/login", tokens, factory.admin)).access_token;
  blocker = await submit(factory);
  await post(factory, `/api/v1/jobs/${blocker}/pause`);
}, 150_000);
afterAll(() => factory?.stop(), 60_000);

/** Everything that was answered under load. */
interface Ledger {
  /** Key → the job that was promised for it. */
  acknowledged: Map<string, string>;
  refusals: number;
  /** What the last of them said. */
  refused: string;
  /** Pages that were answered with 503. */
  pagesAway: number;
  faults: string[];
}

async function ask(method: string, path: string, key?: string): Promise<Response> {
  return fetch(`${factory.url}${path}`, {
    method,
    headers: {
      authorization: `Bearer ${bearer}`,
      ...(key && { "idempotency-key": key, "content-type": "application/json" }),
    },
    body: key ? JSON.stringify({ title: key, depends_on: [blocker] }) : null,
    signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
  });
}

/** Looks at one answer; null for one that says: try again. */
async function look(ledger: Ledger, what: string, asked: Promise<Response>): Promise<unknown> {
  try {
    const response = await asked;
    const body = await response.text();
    if (response.ok) return JSON.parse(body);
    if (response.status === 503 && response.headers.get("retry-after") && body.includes("unavailable")) {
      ledger.refusals++;
      ledger.refused = body;
    } else ledger.faults.push(`${what}: ${response.status} ${body}`);
  } catch (error) {
    ledger.faults.push(`${what}: ${String(error)}`);
  }
  return null;
}

/** Files jobs one after the other, each under one key until it is acknowledged; reads in between. */
async function keepFiling(ledger: Ledger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    const key = randomUUID();
    const giveUp = Date.now() + PATIENCE_MS;
    for (let made: unknown = null; made === null; ) {
      if (Date.now() > giveUp) return void ledger.faults.push(`${key} is never filed: ${ledger.refused}`);
      made = await look(ledger, "create", ask("POST", "/api/v1/jobs", key));
      if (made) ledger.acknowledged.set(key, (made as { job_id: string }).job_id);
      else await pause(50);
    }
    const again = await look(ledger, "create again", ask("POST", "/api/v1/jobs", key));
    if (again && (again as { job_id: string }).job_id !== ledger.acknowledged.get(key))
      ledger.faults.push(`${key} was filed twice`);
    await look(ledger, "list", ask("GET", "/api/v1/jobs?limit=5"));
  }
}

/** Opens a page again and again: it is there, or it says when to come back. */
async function keepOpening(ledger: Ledger, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      const response = await fetch(`${factory.url}/sign-in`, {
        signal: AbortSignal.timeout(ANSWER_LIMIT_MS),
      });
      const text = await response.text();
      const away = response.status === 503 && response.headers.get("retry-after") !== null;
      if (away && text.includes("cannot be reached at the moment")) ledger.pagesAway++;
      else if (!response.ok) ledger.faults.push(`page: ${response.status} ${text.slice(0, 200)}`);
    } catch (error) {
      ledger.faults.push(`page: ${String(error)}`);
    }
    await pause(20);
  }
}

/** Kills Postgres, waits until it serves again, and lets the load go on for a moment. */
async function lose(ledger: Ledger): Promise<void> {
  const before = factory.pids().postgres;
  const filed = ledger.acknowledged.size;
  factory.kill("postgres");
  await expect.poll(() => factory.pids().postgres, { timeout: 20_000 }).not.toBe(before);
  await expect.poll(() => ledger.acknowledged.size, { timeout: 30_000 }).toBeGreaterThan(filed + CLIENTS);
}

/** @throws naming what did not come, with the factory's log */
async function inTime<T>(what: string, coming: Promise<T>): Promise<T> {
  const over = new AbortController();
  const late = pause(PATIENCE_MS, undefined, { signal: over.signal }).then(() => {
    throw new Error(`${what} took longer than ${PATIENCE_MS} ms.\n${factory.log()}`);
  });
  return Promise.race([coming, late]).finally(() => {
    late.catch(() => {});
    over.abort();
  });
}

/** Collects the numbers of a job's events as its stream tells them. */
function follow(job: string, signal: AbortSignal): { seen: number[]; over: Promise<void> } {
  const seen: number[] = [];
  const over = (async () => {
    for await (const event of followEvents(factory.client, `/api/v1/jobs/${job}/events`, signal))
      if (event.type !== "resync") seen.push(Number(event.id));
  })();
  return { seen, over };
}

describe("Postgres killed under load", () => {
  const ledger: Ledger = { acknowledged: new Map(), refusals: 0, refused: "", pagesAway: 0, faults: [] };
  let working: string;

  it("is answered with 503 and healed from, while a job goes on and its stream resumes", async () => {
    working = await inTime("Filing a job", submit(factory));
    const leaving = new AbortController();
    const stream = follow(working, leaving.signal);
    const stop = new AbortController();
    const clients = Array.from({ length: CLIENTS }, () => keepFiling(ledger, stop.signal));
    clients.push(keepOpening(ledger, stop.signal));
    try {
      for (let loss = 0; loss < LOSSES; loss++) await lose(ledger);
    } finally {
      stop.abort();
    }
    await inTime("The answers to the last requests", Promise.all(clients));
    expect(ledger.faults, factory.log()).toEqual([]);
    expect(ledger.refusals).toBeGreaterThan(0);
    expect(ledger.pagesAway).toBeGreaterThan(0);

    expect((await inTime("The job", untilSettled(factory, working))).status).toBe("completed");
    const [row] = await inTime(
      "The database",
      factory.sql<{ last_seq: number }>("SELECT last_seq FROM job WHERE public_id = $1", [working]),
    );
    await expect.poll(() => stream.seen.length, { timeout: 20_000 }).toBe(row?.last_seq);
    expect(stream.seen).toEqual(stream.seen.map((_, index) => index + 1));
    leaving.abort();
    await inTime("Leaving the stream", stream.over);
  }, 600_000);

  it("loses nothing that was acknowledged and makes nothing twice", async () => {
    const rows = await factory.sql<{ public_id: string; idempotency_key: string }>(
      "SELECT public_id, idempotency_key FROM job WHERE idempotency_key = ANY($1::text[])",
      [[...ledger.acknowledged.keys()]],
    );
    expect(new Map(rows.map((row) => [row.idempotency_key, row.public_id]))).toEqual(ledger.acknowledged);
    const [doubles] = await factory.sql<{ n: string }>(
      "SELECT count(*) AS n FROM (SELECT title FROM job WHERE title = ANY($1::text[]) GROUP BY 1 HAVING count(*) > 1) x",
      [[...ledger.acknowledged.keys()]],
    );
    expect(doubles).toEqual({ n: "0" });
    expect(await auditDatabase(factory, [working, ...ledger.acknowledged.values()])).toEqual([]);
    expect(await auditDeliveries(factory, [working])).toEqual([]);
  });
});
