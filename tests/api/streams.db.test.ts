import { afterAll, beforeAll, beforeEach, describe, expect, test, vi } from "vitest";
import { handleJobEvents } from "@/server/api/http/job-events";
import { STREAMS_PER_USER } from "@/server/api/http/open-streams";
import { handleRest } from "@/server/api/http/rest";
import { handleTeamEvents } from "@/server/api/http/team-events";
import { appendEvents, JOB_CHANNEL } from "@/server/events/append";
import { Listener } from "@/server/events/listen";
import { addPerson, type Factory, makeRequest, type Person, read, startFactory } from "./support";

let factory: Factory;
let listener: Listener;
let ana: Person;
let zoe: Person;
let job: { id: bigint; publicId: string };

beforeAll(async () => {
  factory = await startFactory();
  listener = new Listener(factory.url);
  ana = await addPerson(factory.db, "ana", "north", "member");
  zoe = await addPerson(factory.db, "zoe", "south", "member");
});
afterAll(async () => {
  await listener.close();
  await factory.close();
});
beforeEach(async () => {
  job = await fileJob(ana);
});

async function fileJob(person: Person) {
  const made = await read(
    await handleRest(
      makeRequest("POST", "/api/v1/jobs", { token: person.token, body: { title: "Stream" } }),
      factory.db,
    ),
  );
  return factory.db.job.findUniqueOrThrow({ where: { publicId: made.json.job_id } });
}

const note = (text: string) =>
  factory.db.$transaction((tx) => appendEvents(tx, job.id, [{ type: "job.note", data: { text } }]));

interface Stream {
  status: number;
  /** Events from now on; `id` is null for those without one. */
  next(): Promise<{ id: string | null; event: string; data: unknown } | null>;
  close(): void;
}

function follow(response: Response, leaving: AbortController): Stream {
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  return {
    status: response.status,
    close: () => leaving.abort(),
    async next() {
      for (;;) {
        const end = rest.indexOf("\n\n");
        if (end >= 0) {
          const block = rest.slice(0, end).split("\n");
          rest = rest.slice(end + 2);
          const field = (name: string) =>
            block.find((line) => line.startsWith(`${name}: `))?.slice(name.length + 2) ?? null;
          const data = field("data");
          if (data !== null)
            return { id: field("id"), event: field("event") ?? "message", data: JSON.parse(data) };
          continue;
        }
        const piece = await reader?.read();
        if (!piece || piece.done) return null;
        rest += piece.value;
      }
    },
  };
}

async function watch(
  person: Person,
  headers: Record<string, string> = {},
  options = {},
  query = "",
): Promise<Stream> {
  const leaving = new AbortController();
  const asked = makeRequest("GET", `/api/v1/jobs/${job.publicId}/events${query}`, {
    token: person.token,
    headers,
  });
  const request = new Request(asked, { signal: leaving.signal });
  return follow(
    await handleJobEvents(request, job.publicId, { db: factory.db, listener, ...options }),
    leaving,
  );
}

describe("the stream of a job", () => {
  test("tells what was and what comes, once and in order, with one shared reading", async () => {
    const streams = await Promise.all([watch(ana), watch(ana), watch(ana)]);
    for (let n = 2; n <= 40; n++) await note(`line ${n}\r\nand more`);
    for (const stream of streams) {
      for (let seq = 1; seq <= 40; seq++) {
        const event = await stream.next();
        expect(event).toMatchObject({ id: String(seq), data: { seq } });
        if (seq > 1)
          expect(event).toMatchObject({
            event: "job.note",
            data: { data: { text: `line ${seq}\r\nand more` } },
          });
      }
      stream.close();
    }
  });

  test("goes on after the last event id, whichever way it is given", async () => {
    for (let n = 2; n <= 10; n++) await note(`line ${n}`);
    const byHeader = await watch(ana, { "last-event-id": "7" });
    const byQuery = await watch(ana, {}, {}, "?after=7");
    for (const stream of [byHeader, byQuery]) {
      expect((await stream.next())?.id).toBe("8");
      stream.close();
    }
  });

  test("more events than one reading are told without a gap", async () => {
    const many = Array.from({ length: 1_300 }, (_, n) => ({
      type: "job.note" as const,
      data: { text: `n ${n}` },
    }));
    await factory.db.$transaction((tx) => appendEvents(tx, job.id, many));
    const stream = await watch(ana);
    for (let seq = 1; seq <= 1_301; seq++) expect((await stream.next())?.id).toBe(String(seq));
    await note("last");
    expect((await stream.next())?.id).toBe("1302");
    stream.close();
  });

  test("an id of the future starts again from the beginning and says so", async () => {
    const stream = await watch(ana, { "last-event-id": "999" });
    expect(await stream.next()).toMatchObject({ id: "0", event: "resync", data: { from: 0 } });
    expect((await stream.next())?.id).toBe("1");
    stream.close();
  });

  test("200 cuts at random places: every number once, in order", async () => {
    let last = 0;
    for (let cut = 0; cut < 200; cut++) {
      await note(`cut ${cut}`);
      const stream = await watch(ana, last > 0 ? { "last-event-id": String(last) } : {});
      for (let n = 0; n <= cut % 2 && last < cut + 2; n++) {
        const event = await stream.next();
        expect(event?.id).toBe(String(last + 1));
        last += 1;
      }
      stream.close();
    }
    expect(last).toBe(201);
  });

  test("a lost connection for notifications loses no event", async () => {
    const stream = await watch(ana);
    expect((await stream.next())?.id).toBe("1");
    await factory.db.$queryRaw`
      SELECT pg_terminate_backend(pid)::text FROM pg_stat_activity
      WHERE datname = current_database() AND application_name = 'fabrica-listen'`;
    for (let n = 2; n <= 5; n++) await note(`line ${n}`);
    for (let seq = 2; seq <= 5; seq++) expect((await stream.next())?.id).toBe(String(seq));
    stream.close();
  });

  test("is refused before the first byte: stranger, other team, token in the query, odd id", async () => {
    const status = async (token: string | undefined, query: string, headers: Record<string, string> = {}) => {
      const call = token === undefined ? { headers } : { token, headers };
      const request = makeRequest("GET", `/api/v1/jobs/${job.publicId}/events${query}`, call);
      return read(await handleJobEvents(request, job.publicId, { db: factory.db, listener }));
    };
    expect(await status(undefined, "")).toMatchObject({
      status: 401,
      json: { error: { code: "unauthorized" } },
    });
    expect((await status("not.a.token", "")).status).toBe(401);
    expect((await status(zoe.token, "")).status).toBe(404);
    expect((await status(undefined, `?access_token=${ana.token}`)).status).toBe(400);
    expect((await status(ana.token, "", { "last-event-id": "-1" })).status).toBe(400);
    expect((await status(ana.token, "?after=x")).status).toBe(400);
  });

  test("closes when access is revoked meanwhile", async () => {
    const kim = await addPerson(factory.db, `kim-${job.id}`, "north", "viewer");
    const stream = await watch(kim, {}, { times: { recheck: 0 }, idleMs: 20 });
    expect((await stream.next())?.id).toBe("1");
    await factory.db.refreshToken.deleteMany({ where: { family: kim.family } });
    expect(await stream.next()).toBeNull();
  });

  test("a reader that stops reading is dropped, and resumes without loss", async () => {
    const long = "x".repeat(50_000);
    const many = Array.from({ length: 20 }, () => ({ type: "job.note" as const, data: { text: long } }));
    await factory.db.$transaction((tx) => appendEvents(tx, job.id, many));
    const request = makeRequest("GET", `/api/v1/jobs/${job.publicId}/events`, { token: ana.token });
    const stalled = await handleJobEvents(request, job.publicId, {
      db: factory.db,
      listener,
      times: { look: 5, stalled: 10 },
    });
    const reader = stalled.body?.getReader();
    await reader?.read();
    await expect(reader?.closed).rejects.toThrow("stopped reading");
    const again = await watch(ana, { "last-event-id": "3" });
    for (let seq = 4; seq <= 21; seq++) expect((await again.next())?.id).toBe(String(seq));
    again.close();
  });

  test("one user has a limited number of them", async () => {
    const leo = await addPerson(factory.db, `leo-${job.id}`, "north", "viewer");
    const streams = [];
    for (let n = 0; n < STREAMS_PER_USER; n++) streams.push(await watch(leo));
    const request = makeRequest("GET", `/api/v1/jobs/${job.publicId}/events`, { token: leo.token });
    const tooMany = await read(await handleJobEvents(request, job.publicId, { db: factory.db, listener }));
    expect(tooMany).toMatchObject({ status: 429, json: { error: { code: "rate_limited" } } });
    expect(tooMany.headers.get("retry-after")).toBe("10");
    streams[0]?.close();
    const again = await watch(leo);
    expect(again.status).toBe(200);
    for (const stream of [...streams, again]) stream.close();
  });
});

describe("the stream of a team", () => {
  test("names changed jobs of the own team only, and says when workers changed", async () => {
    // What was filed before is announced before, and must not be what the stream says first.
    const heard = new Set<string>();
    const notify = (payload: string) => void heard.add(payload.split(":")[0] ?? "");
    const leave = await listener.subscribe(JOB_CHANNEL, { notify, resumed: () => undefined });
    const last = await fileJob(ana);
    await vi.waitUntil(() => heard.has(String(last.id)), { timeout: 20_000 });
    leave();
    const leaving = new AbortController();
    const request = new Request(makeRequest("GET", "/api/events", { token: ana.token }), {
      signal: leaving.signal,
    });
    const stream = follow(await handleTeamEvents(request, { db: factory.db, listener, idleMs: 20 }), leaving);
    expect((await stream.next())?.event).toBe("ready");
    await fileJob(zoe);
    const own = await fileJob(ana);
    expect(await stream.next()).toMatchObject({
      event: "job",
      data: { job_id: own.publicId, status: "pending" },
    });
    expect((await stream.next())?.event).toBe("queue");
    await factory.db.$queryRaw`SELECT pg_notify('fabrica_workers', '')::text`;
    expect((await stream.next())?.event).toBe("workers");
    stream.close();
  });
});
