// Routes × who asks: nobody, an expired token, another team, each role. Every procedure must have a row here.
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { handleJobEvents } from "@/server/api/http/job-events";
import { handleRest } from "@/server/api/http/rest";
import { handleTeamEvents } from "@/server/api/http/team-events";
import { handleTranscript } from "@/server/api/http/transcript";
import { handleTrpc } from "@/server/api/http/trpc";
import { openApiDocument } from "@/server/api/openapi";
import { appRouter } from "@/server/api/root";
import type { TeamRole } from "@/server/context";
import { deriveKey } from "@/server/services/auth/keys";
import { addPerson, type Factory, makeRequest, type Person, read, startFactory } from "./support";

interface Row {
  /** Weakest role that may; "anyone" needs no sign-in at all. */
  least: TeamRole | "anyone";
  /** Whether the address names a job or a project of north. */
  job?: boolean;
  body?: object;
}

const ROWS: Record<string, Row> = {
  "POST /auth/login": { least: "anyone", body: { username: "ana", password: "wrong" } },
  "POST /auth/refresh": { least: "anyone", body: { refresh_token: "x".repeat(40) } },
  "POST /auth/logout": { least: "viewer" },
  "GET /auth/me": { least: "viewer" },
  "POST /auth/tokens": { least: "viewer", body: { name: "ci", role: "viewer" } },
  "GET /auth/tokens": { least: "viewer" },
  "DELETE /auth/tokens/{id}": { least: "viewer" },
  "GET /factory": { least: "viewer" },
  "GET /health": { least: "anyone" },
  "GET /health/detailed": { least: "viewer" },
  "POST /jobs": { least: "member", body: { title: "A job" } },
  "GET /jobs": { least: "viewer" },
  "GET /jobs/{id}": { least: "viewer", job: true },
  "GET /jobs/{id}/detail": { least: "viewer", job: true },
  "GET /jobs/{id}/log": { least: "viewer", job: true },
  "GET /jobs/{id}/file": { least: "viewer", job: true },
  "GET /jobs/{id}/diff": { least: "viewer", job: true },
  "GET /jobs/{id}/events": { least: "viewer", job: true },
  "GET /jobs/{id}/agent-runs": { least: "viewer", job: true },
  "GET /jobs/{id}/agent-runs/{key}/turns": { least: "viewer", job: true },
  "GET /jobs/{id}/transcript": { least: "viewer", job: true },
  "DELETE /jobs/{id}": { least: "member", job: true },
  "POST /jobs/{id}/retry": { least: "member", job: true },
  "POST /jobs/{id}/pause": { least: "member", job: true },
  "POST /jobs/{id}/resume": { least: "member", job: true },
  "POST /jobs/{id}/priority": { least: "member", job: true, body: { priority: 1 } },
  "POST /jobs/{id}/dependencies": { least: "member", job: true, body: { depends_on: [] } },
  "POST /jobs/{id}/budget": { least: "member", job: true, body: { budget_usd: 9 } },
  "POST /jobs/{id}/messages": { least: "member", job: true, body: { text: "Mind the edges." } },
  "GET /jobs/{id}/messages": { least: "viewer", job: true },
  "GET /jobs/{id}/plan": { least: "viewer", job: true },
  "POST /jobs/{id}/plan/approve": { least: "member", job: true, body: {} },
  "POST /jobs/{id}/plan/request-changes": { least: "member", job: true, body: { text: "Smaller." } },
  "GET /jobs/{id}/costs": { least: "viewer", job: true },
  "GET /jobs/{id}/costs/calls": { least: "viewer", job: true },
  "GET /costs": { least: "viewer" },
  "POST /team/budget": { least: "admin", body: { budget_day_usd: 40 } },
  "GET /projects": { least: "viewer" },
  "POST /projects": {
    least: "admin",
    body: { name: "other", repository_url: "https://github.com/north/other" },
  },
  "GET /projects/{name}": { least: "viewer", job: true },
  "POST /projects/{name}": { least: "admin", job: true, body: { folder: "web" } },
  "POST /projects/{name}/archive": { least: "admin", job: true },
  // After the archive there is nothing to look at, so nobody's host is asked.
  "POST /projects/{name}/check": { least: "member", job: true },
  "GET /learnings": { least: "viewer" },
  "GET /learnings/search": { least: "viewer" },
  "POST /learnings": { least: "member", body: { kind: "gotcha", title: "Ours", text: "Ours alone, too" } },
  "POST /learnings/import": { least: "member", body: { files: [{ path: "a.md", text: "- a: b" }] } },
  "GET /learnings/{id}": { least: "viewer", job: true },
  "POST /learnings/{id}": { least: "member", job: true, body: { kind: "pattern" } },
  "POST /learnings/{id}/pin": { least: "member", job: true },
  "POST /learnings/{id}/unpin": { least: "member", job: true },
  "DELETE /learnings/{id}": { least: "member", job: true },
  "GET /jobs/{id}/learnings": { least: "viewer", job: true },
  "GET /locks": { least: "viewer" },
  "GET /queue/stats": { least: "viewer" },
  "GET /queue/peek": { least: "viewer" },
  "GET /workers": { least: "viewer" },
  "GET /workers/{id}": { least: "viewer" },
  "POST /workers/{id}/drain": { least: "admin" },
  "POST /workers/{id}/resume": { least: "admin" },
  "POST /workers/{id}/kill": { least: "admin" },
};

let factory: Factory;
let job: string;
let learning: string;
const people = {} as Record<TeamRole | "stranger", Person>;

beforeAll(async () => {
  factory = await startFactory();
  const { db } = factory;
  for (const role of ["admin", "member", "viewer"] as const)
    people[role] = await addPerson(db, role, "north", role);
  people.stranger = await addPerson(db, "stranger", "south", "admin");
  const made = makeRequest("POST", "/api/v1/jobs", {
    token: people.member.token,
    body: { title: "Ours alone" },
  });
  job = (await read(await handleRest(made, db))).json.job_id;
  const { id } = await db.job.findUniqueOrThrow({ where: { publicId: job } });
  await db.project.create({
    data: {
      teamId: people.admin.teamId,
      name: "shop",
      repositoryUrl: "https://git.example.test/ours-alone",
      sealedToken: new Uint8Array(60),
    },
  });
  const told = { kind: "gotcha", title: "Ours alone", text: "Ours alone.", hash: "ours" };
  const row = await db.learning.create({ data: { ...told, teamId: people.admin.teamId, origin: "person" } });
  learning = String(row.id);
  await db.runner.create({
    data: { id: "runner-1", name: "host-1", secretHash: "x", driver: "bubblewrap", probe: [], programs: {} },
  });
  await db.worker.create({
    data: {
      id: "worker-AAAA",
      runnerId: "runner-1",
      slot: 0,
      tokenHash: "x",
      status: "busy",
      currentJobId: id,
    },
  });
});
afterAll(() => factory.close());

function named(path: string): string {
  if (path.startsWith("/workers")) return "worker-AAAA";
  if (path.startsWith("/learnings")) return learning;
  return path.startsWith("/auth") ? "999999" : job;
}

async function ask(route: string, token: string | undefined): Promise<{ status: number; text: string }> {
  const [method = "", path = ""] = route.split(" ");
  const filled = path.replace("{id}", named(path)).replace("{name}", "shop").replace("{key}", "plan");
  const query = path.endsWith("/file") ? "?path=README.md" : path.endsWith("/search") ? "?q=ours+alone" : "";
  const { body } = ROWS[route] ?? {};
  const call = { ...(token === undefined ? {} : { token }), ...(body ? { body } : {}) };
  const leaving = new AbortController();
  const request = new Request(makeRequest(method, `/api/v1${filled}${query}`, call), {
    signal: leaving.signal,
  });
  const { db } = factory;
  const response = path.endsWith("/events")
    ? await handleJobEvents(request, job, { db })
    : path.endsWith("/transcript")
      ? await handleTranscript(request, job, db)
      : await handleRest(request, db);
  if (response.headers.get("content-type")?.startsWith("text/event-stream")) {
    leaving.abort();
    return { status: response.status, text: "" };
  }
  return { status: response.status, text: await response.text() };
}

const expired = () =>
  new SignJWT({ team: String(people.admin.teamId), epoch: 0, sid: people.admin.family })
    .setProtectedHeader({ alg: "HS256" })
    .setSubject(String(people.admin.id))
    .setIssuer("fabrica")
    .setAudience("fabrica-api")
    .setExpirationTime(Math.floor(Date.now() / 1000) - 60)
    .sign(deriveKey("access"));

test("the list names every route of the document", () => {
  const routes = Object.entries(openApiDocument().paths ?? {}).flatMap(([path, item]) =>
    Object.keys(item ?? {}).map((method) => `${method.toUpperCase()} ${path}`),
  );
  expect(routes.sort()).toEqual(Object.keys(ROWS).sort());
});

const procedures = appRouter._def.procedures as unknown as Record<
  string,
  { _def: { type: string; meta?: { openapi?: object } } }
>;

test("every procedure is in the document", () => {
  for (const [name, { _def }] of Object.entries(procedures)) expect(_def.meta?.openapi, name).toBeDefined();
});

const guarded = Object.entries(ROWS).filter(([, row]) => row.least !== "anyone");
const ofJobs = Object.entries(ROWS).filter(([, row]) => row.job);
const STRENGTH: TeamRole[] = ["viewer", "member", "admin"];

describe("who may", () => {
  test.each(guarded.map(([route]) => route))("%s: nobody without a good token", async (route) => {
    expect((await ask(route, undefined)).status).toBe(401);
    expect((await ask(route, await expired())).status).toBe(401);
    expect((await ask(route, "fab_unknown")).status).toBe(401);
  });

  test.each(ofJobs.map(([route]) => route))("%s: for another team the job does not exist", async (route) => {
    const { status, text } = await ask(route, people.stranger.token);
    expect(status).toBe(404);
    expect(text).not.toMatch(/ours.alone/i);
  });

  test.each(
    guarded
      .filter(([route]) => route !== "POST /auth/logout")
      .flatMap(([route, { least }]) =>
        STRENGTH.map(
          (role) => [route, role, STRENGTH.indexOf(role) >= STRENGTH.indexOf(least as TeamRole)] as const,
        ),
      ),
  )("%s by %s: allowed %s", async (route, role, allowed) => {
    const { status } = await ask(route, people[role].token);
    if (allowed) expect([200, 201, 404, 409]).toContain(status);
    else expect(status).toBe(403);
  });

  test("lists and figures show nothing of another team", async () => {
    const { token } = people.stranger;
    for (const route of [
      "GET /jobs",
      "GET /projects",
      "GET /learnings",
      "GET /learnings/search",
      "GET /queue/peek",
      "GET /queue/stats",
      "GET /workers",
      "GET /workers/{id}",
    ]) {
      const { status, text } = await ask(route, token);
      expect(status, route).toBe(200);
      expect(text, route).not.toContain(job);
      expect(text, route).not.toMatch(/ours.alone/i);
    }
    expect(JSON.parse((await ask("GET /queue/stats", token)).text).counts.pending).toBe(0);
    expect(JSON.parse((await ask("GET /workers", token)).text).workers[0].current_job_id).toBeNull();
    expect((await ask("GET /workers", people.viewer.token)).text).toContain(job);
  });

  test("tRPC holds the same doors shut", async () => {
    for (const [name, { _def }] of Object.entries(procedures)) {
      const method = _def.type === "query" ? "GET" : "POST";
      const input = { json: { id: job } };
      const path = method === "GET" ? `${name}?input=${encodeURIComponent(JSON.stringify(input))}` : name;
      const request = makeRequest(method, `/api/trpc/${path}`, method === "POST" ? { body: input } : {});
      const { status } = await read(await handleTrpc(request, factory.db));
      const open = ["auth.login", "auth.refresh", "health.basic"].includes(name);
      expect(status, name).toBe(open ? 400 : 401);
    }
  });

  test("the team's stream needs a sign-in", async () => {
    const { status } = await read(
      await handleTeamEvents(makeRequest("GET", "/api/events"), { db: factory.db }),
    );
    expect(status).toBe(401);
  });
});

describe("API tokens", () => {
  const send = async (method: string, path: string, token: string, body?: object) =>
    read(
      await handleRest(
        makeRequest(method, `/api/v1${path}`, { token, ...(body ? { body } : {}) }),
        factory.db,
      ),
    );
  const addToken = async (owner: Person, role: TeamRole) => {
    const { status, json } = await send("POST", "/auth/tokens", owner.token, { name: "ci", role });
    expect(status).toBe(201);
    return json as { id: string; token: string };
  };

  test("count with the weaker of their own and their owner's role, until revoked", async () => {
    const { db } = factory;
    const weak = await addToken(people.admin, "viewer");
    expect((await ask("GET /jobs/{id}", weak.token)).status).toBe(200);
    expect((await ask("POST /jobs", weak.token)).status).toBe(403);
    const strong = await addToken(people.admin, "admin");
    expect((await ask("POST /jobs", strong.token)).status).toBe(201);
    await db.membership.updateMany({ where: { userId: people.admin.id }, data: { role: "member" } });
    expect((await ask("POST /workers/{id}/kill", strong.token)).status).toBe(403);
    await db.membership.updateMany({ where: { userId: people.admin.id }, data: { role: "admin" } });
    expect((await send("DELETE", `/auth/tokens/${strong.id}`, people.admin.token)).status).toBe(200);
    expect((await ask("GET /jobs", strong.token)).status).toBe(401);
    const left = (await send("GET", "/auth/tokens", people.admin.token)).json.tokens as { id: string }[];
    expect(left.map(({ id }) => id)).toContain(weak.id);
    expect(left.map(({ id }) => id)).not.toContain(strong.id);
    expect(JSON.stringify(left)).not.toContain(weak.token);
    expect((await ask("POST /auth/logout", weak.token)).status).toBe(400);
  });

  test("are neither stronger than their maker, nor made by tokens, nor revoked by others", async () => {
    const { member, admin } = people;
    expect((await send("POST", "/auth/tokens", member.token, { name: "x", role: "admin" })).status).toBe(403);
    const own = await addToken(member, "member");
    expect((await send("POST", "/auth/tokens", own.token, { name: "x", role: "viewer" })).status).toBe(403);
    expect((await send("DELETE", `/auth/tokens/${own.id}`, admin.token)).status).toBe(404);
    expect((await send("GET", "/auth/me", own.token)).status).toBe(200);
    expect((await send("DELETE", "/auth/tokens/0", member.token)).status).toBe(400);
  });
});

test("orders reach the worker's row; a drain is taken back, a kill is not", async () => {
  const { db } = factory;
  await db.worker.update({ where: { id: "worker-AAAA" }, data: { order: "none" } });
  expect(JSON.parse((await ask("POST /workers/{id}/drain", people.admin.token)).text).status).toBe(
    "draining",
  );
  expect((await db.worker.findUniqueOrThrow({ where: { id: "worker-AAAA" } })).order).toBe("drain");
  const resumed = JSON.parse((await ask("POST /workers/{id}/resume", people.admin.token)).text);
  expect(resumed.status).not.toBe("draining");
  expect((await db.worker.findUniqueOrThrow({ where: { id: "worker-AAAA" } })).order).toBe("none");
  expect((await ask("POST /workers/{id}/kill", people.admin.token)).status).toBe(200);
  expect((await ask("POST /workers/{id}/resume", people.admin.token)).status).toBe(409);
  expect((await ask("POST /workers/{id}/drain", people.admin.token)).status).toBe(409);
  expect((await db.worker.findUniqueOrThrow({ where: { id: "worker-AAAA" } })).order).toBe("kill");
});
