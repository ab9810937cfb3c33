import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { handleRest } from "@/server/api/http/rest";
import { handleTrpc } from "@/server/api/http/trpc";
import {
  addPerson,
  type Call,
  type Factory,
  makeRequest,
  PASSWORD,
  type Person,
  read,
  startFactory,
} from "./support";

let factory: Factory;
let ana: Person;

beforeAll(async () => {
  factory = await startFactory();
  ana = await addPerson(factory.db, "ana", "north", "admin");
});
afterAll(() => factory.close());

const rest = async (method: string, path: string, call: Call = {}) =>
  read(await handleRest(makeRequest(method, `/api/v1${path}`, call), factory.db));
const trpc = async (method: string, path: string, call: Call = {}) =>
  read(await handleTrpc(makeRequest(method, `/api/trpc/${path}`, call), factory.db));

describe("signing in", () => {
  test("by user name or e-mail, then me, refresh and logout", async () => {
    const byName = await rest("POST", "/auth/login", { body: { username: "ana", password: PASSWORD } });
    expect(byName.status).toBe(200);
    expect(byName.json).toMatchObject({ token_type: "Bearer", expires_in: 900 });
    const byMail = await rest("POST", "/auth/login", {
      body: { username: "Ana@example.test", password: PASSWORD },
    });
    expect(byMail.status).toBe(200);

    const token = byMail.json.access_token;
    const me = await rest("GET", "/auth/me", { token });
    expect(me.json).toMatchObject({ username: "ana", team: "north", role: "admin" });

    const fresh = await rest("POST", "/auth/refresh", { body: { refresh_token: byMail.json.refresh_token } });
    expect(fresh.status).toBe(200);
    expect((await rest("POST", "/auth/logout", { token: fresh.json.access_token })).json).toEqual({
      ok: true,
    });
    for (const dead of [token, fresh.json.access_token]) {
      expect((await rest("GET", "/auth/me", { token: dead })).status).toBe(401);
    }
    expect((await rest("GET", "/auth/me", { token: byName.json.access_token })).status).toBe(200);
  });

  test("a refresh token used twice ends its sign-in", async () => {
    const first = await rest("POST", "/auth/login", { body: { username: "ana", password: PASSWORD } });
    const refresh = { body: { refresh_token: first.json.refresh_token } };
    const second = await rest("POST", "/auth/refresh", refresh);
    expect(second.status).toBe(200);
    expect((await rest("POST", "/auth/refresh", refresh)).status).toBe(401);
    const copied = { body: { refresh_token: second.json.refresh_token } };
    expect((await rest("POST", "/auth/refresh", copied)).status).toBe(401);
    expect((await rest("GET", "/auth/me", { token: second.json.access_token })).status).toBe(401);
  });

  test("a raised epoch or a lost membership counts at once", async () => {
    const eve = await addPerson(factory.db, "eve", "north", "member");
    expect((await rest("GET", "/auth/me", { token: eve.token })).status).toBe(200);
    await factory.db.user.update({ where: { id: eve.id }, data: { sessionEpoch: 1 } });
    expect((await rest("GET", "/auth/me", { token: eve.token })).status).toBe(401);
    await factory.db.user.update({ where: { id: eve.id }, data: { sessionEpoch: 0 } });
    await factory.db.membership.deleteMany({ where: { userId: eve.id } });
    expect((await rest("GET", "/auth/me", { token: eve.token })).status).toBe(401);
  });
});

describe("jobs", () => {
  test("are filed, shown, listed by key and cancelled over REST", async () => {
    const { token } = ana;
    const made = await rest("POST", "/jobs", {
      token,
      body: { title: "A list of books", tech_stack: "Python, FastAPI", features: ["Search"], priority: 1 },
    });
    expect(made.status).toBe(201);
    expect(made.json).toMatchObject({
      status: "pending",
      priority: "critical",
      tech_stack: ["python", "fastapi"],
    });
    const id = made.json.job_id;
    expect((await rest("GET", `/jobs/${id}`, { token })).json).toMatchObject({ job_id: id, last_seq: 1 });
    for (const title of ["Two", "Three"]) await rest("POST", "/jobs", { token, body: { title } });
    const newest = await rest("GET", "/jobs?limit=2", { token });
    expect(newest.json.jobs.map((job: { title: string }) => job.title)).toEqual(["Three", "Two"]);
    const older = await rest("GET", `/jobs?limit=2&cursor=${newest.json.next_cursor}`, { token });
    expect(older.json.jobs.map((job: { title: string }) => job.title)).toEqual(["A list of books"]);
    expect(older.json.next_cursor).toBeNull();
    expect((await rest("GET", "/jobs?search=BOOKS", { token })).json.jobs).toHaveLength(1);
    expect((await rest("GET", "/jobs?search=%25", { token })).json.jobs).toHaveLength(0);
    expect((await rest("DELETE", `/jobs/${id}`, { token })).json.status).toBe("cancelled");
    expect((await rest("DELETE", `/jobs/${id}`, { token })).status).toBe(409);
    expect((await rest("POST", `/jobs/${id}/retry`, { token })).json).toMatchObject({
      status: "pending",
      run: 2,
    });
    const log = await rest("GET", `/jobs/${id}/log`, { token });
    expect(log.json.events.map((event: { seq: number }) => event.seq)).toEqual([1, 2, 3]);
    const detail = await rest("GET", `/jobs/${id}/detail`, { token });
    expect(detail.json).toMatchObject({ files: [], tasks: [], spend: [] });
    expect((await rest("GET", "/queue/stats", { token })).json).toMatchObject({
      waiting: 3,
      budget_day_usd: 50,
    });
    const peek = await rest("GET", "/queue/peek?limit=5", { token });
    expect(peek.json.jobs[0]).toMatchObject({ position: 1, job: { job_id: id } });
  });

  test("are filed and shown over tRPC", async () => {
    const { token } = ana;
    const made = await trpc("POST", "jobs.create", { token, body: { json: { title: "By tRPC" } } });
    expect(made.status).toBe(200);
    const id = made.json.result.data.json.job_id;
    const input = encodeURIComponent(JSON.stringify({ json: { id } }));
    const shown = await trpc("GET", `jobs.get?input=${input}`, { token });
    expect(shown.json.result.data.json).toMatchObject({ job_id: id, title: "By tRPC" });
    const stranger = await trpc("GET", `jobs.get?input=${input}`);
    expect(stranger.status).toBe(401);
    expect(stranger.json.error.json.data).toMatchObject({ code: "unauthorized", httpStatus: 401 });
  });
});
