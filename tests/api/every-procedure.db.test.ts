// What must hold for every procedure over both ways, also for those to come: nobody gets in without a good proof, another
// team's objects are not there and stay as they are, a viewer changes nothing, and no value brings a 500.
// A field that is new has to be named below: as one that names something, or as one that does not.
import { SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { RegisterAnswer } from "@/runner/protocol";
import { handleTrpc } from "@/server/api/http/trpc";
import { answerWorkerRequest } from "@/server/api/worker/handle-worker-call";
import { db as sharedDb } from "@/server/db";
import { listener } from "@/server/events/listen";
import { deriveKey } from "@/server/services/auth/keys";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { commitFile } from "@/server/workspaces/commit-file";
import { createRepository } from "@/server/workspaces/repository";
import { DOORS, type Door, HOSTILE, PROCEDURES, type Procedure } from "./procedures";
import {
  type Answer,
  addPerson,
  type Factory,
  makeRequest,
  type Person,
  read,
  startFactory,
} from "./support";

const REGISTRATION = "registration-token-of-this-test";
const doors = Object.keys(DOORS) as Door[];

/** Names of what belongs to a team. */
interface Things {
  job: string;
  project: string;
  learning: string;
  token: string;
}

let factory: Factory;
let owner: Person;
let viewer: Person;
let stranger: Person;
let theirs: Things;
let own: Things;
let worker: { worker_id: string; token: string };

beforeAll(async () => {
  factory = await startFactory({ FABRICA_RUNNER_TOKEN: REGISTRATION });
  const { db } = factory;
  owner = await addPerson(db, "owner", "north", "admin");
  viewer = await addPerson(db, "viewer", "south", "viewer");
  stranger = await addPerson(db, "stranger", "south", "admin");
  theirs = await makeThings(owner, "ours-alone");
  own = await makeThings(stranger, "my-own");
  worker = await addWorker();
});
afterAll(async () => {
  await listener().close();
  await sharedDb().$disconnect();
  await factory.close();
});

const procedureOf = (name: string) => PROCEDURES.find((one) => one.name === name) as Procedure;
const ask = (door: Door, name: string, input: Record<string, unknown>, token?: string) =>
  DOORS[door](factory.db, procedureOf(name), input, token);

async function makeThings(person: Person, mark: string): Promise<Things> {
  const { db } = factory;
  const make = async (name: string, input: Record<string, unknown>) => {
    const { status, json } = await ask("rest", name, input, person.token);
    expect(status, JSON.stringify(json)).toBe(201);
    return json;
  };
  const job = await make("jobs.create", { title: mark, description: mark });
  const learning = await make("learnings.create", { kind: "gotcha", title: mark, text: `${mark} text` });
  const token = await make("auth.createToken", { name: mark, role: "viewer" });
  await make("projects.create", {
    name: mark,
    repository_url: `https://github.com/${mark}/repo`,
    token: `the token of ${mark}`,
  });
  await make("steering.send", { id: job.job_id, text: mark });
  const { id } = await db.job.findUniqueOrThrow({ where: { publicId: job.job_id } });
  const agentRun = { jobId: id, run: 1, key: "plan", role: "planner", provider: "simulation", model: mark };
  const prompt = { system: mark, first: mark, tools: [], forceTool: null, maxTurns: 1 };
  await db.agentRun.create({ data: { ...agentRun, prompt } });
  const repository = jobRepository(job.job_id);
  await createRepository(repository);
  const file = { parent: null, path: "README.md", text: mark, message: mark };
  await db.job.update({ where: { id }, data: { headCommit: await commitFile(repository, file) } });
  return { job: job.job_id, project: mark, learning: learning.id, token: token.id };
}

async function addWorker(): Promise<{ worker_id: string; token: string }> {
  const body = {
    protocol: 1,
    name: "host",
    slots: 1,
    driver: "bubblewrap",
    probe: [{ name: "memory", result: "pass", detail: "limited" }],
    programs: {},
  };
  const request = makeRequest("POST", "/api/worker/register", { token: REGISTRATION, body });
  const { workers } = (await read(await answerWorkerRequest(request))).json as RegisterAnswer;
  return workers[0] as { worker_id: string; token: string };
}

/** Fields that name something of a team, and what they may name. */
const REFERENCES: Record<string, (procedure: Procedure, of: Things) => unknown> = {
  id: ({ name, path }, of) => {
    if (name.startsWith("workers.")) return worker.worker_id;
    if (path.startsWith("/learnings")) return of.learning;
    return name.startsWith("auth.") ? of.token : of.job;
  },
  project: (_, of) => of.project,
  parent: (_, of) => of.job,
  job: (_, of) => of.job,
  depends_on: (_, of) => [of.job],
};
/** Whether a field names something here: `name` is a project's, but in what makes new things. */
const refers = ({ name, inPath }: Procedure, field: string) =>
  field in REFERENCES || (field === "name" && name.startsWith("projects.") && inPath.includes("name"));
const referenceOf = (procedure: Procedure, field: string, of: Things) =>
  field === "name" ? of.project : REFERENCES[field]?.(procedure, of);

/** Fields that name nothing, with a good value for those that must be sent. */
const PLAIN: Record<string, unknown> = {
  username: "nobody",
  password: "wrong",
  refresh_token: "x".repeat(40),
  name: "new-one",
  title: "A job",
  kind: "gotcha",
  text: "Some words",
  priority: 1,
  budget_usd: 9,
  budget_day_usd: 40,
  repository_url: "https://github.com/south/new-one",
  path: "README.md",
  key: "plan",
  q: "alone",
  files: ["a.md"],
  ...nothing(
    "description tech_stack features type max_fixes reference_files required_patterns required_tests",
  ),
  ...nothing(
    "context spec models fallback_models approve_plan candidates hold_back_tests agent source source_id",
  ),
  ...nothing(
    "source_url base_branch behaviour_unchanged state search limit cursor after role resume version run",
  ),
  ...nothing(
    "stack pinned deploy_targets default_branch folder token setup_command lint_command test_command image from to by",
  ),
};
/** Where the same name means another thing. */
const ELSEWHERE: Record<string, unknown> = {
  "learnings.import files": [{ path: "a.md", text: "- one: two" }],
};

function nothing(names: string): Record<string, undefined> {
  return Object.fromEntries(names.split(" ").map((name) => [name, undefined]));
}

/** The least that a procedure takes, naming things of `of`. */
function leastInput(procedure: Procedure, of: Things): Record<string, unknown> {
  const { name, required } = procedure;
  return Object.fromEntries(
    required.map((field) => [
      field,
      refers(procedure, field)
        ? referenceOf(procedure, field, of)
        : (ELSEWHERE[`${name} ${field}`] ?? PLAIN[field]),
    ]),
  );
}

/** Every row of the database, without what tells that somebody has asked. */
async function everything(): Promise<Set<string>> {
  const { db } = factory;
  const tables = await db.$queryRaw<{ name: string }[]>`
    SELECT tablename::text AS name FROM pg_tables WHERE schemaname = 'public' ORDER BY 1`;
  const rows = new Set<string>();
  for (const { name } of tables) {
    const seen = name === "api_token" ? "jsonb_set(to_jsonb(t), '{last_used_at}', 'null')" : "to_jsonb(t)";
    const found = await db.$queryRawUnsafe<{ row: string }[]>(
      `SELECT (${seen})::text AS row FROM "${name}" t`,
    );
    for (const { row } of found) rows.add(`${name} ${row}`);
  }
  return rows;
}

function expectPlain({ status, json }: Answer, about: string): void {
  expect(status, `${about}: ${JSON.stringify(json)?.slice(0, 300)}`).toBeLessThan(500);
  if (status < 400) return;
  const { message, ...error } = json.error.json ?? json.error;
  expect(error.data?.code ?? error.code, about).toMatch(/^[a-z_]+$/);
  expect(message, about).toMatch(/^\S.* .*[.!?…]$/s);
  expect(JSON.stringify(json), about).not.toMatch(/\bat .*\.(ts|js):\d+|node_modules|prisma|invocation/i);
}

test("every field is known to name something or not", () => {
  const unknown = PROCEDURES.flatMap((procedure) =>
    procedure.fields
      .filter((field) => !refers(procedure, field) && !(field in PLAIN))
      .map((field) => `${procedure.name} ${field}`),
  );
  expect(unknown).toEqual([]);
  const missing = PROCEDURES.flatMap((procedure) =>
    Object.entries(leastInput(procedure, own))
      .filter(([, value]) => value === undefined)
      .map(([field]) => `${procedure.name} ${field}`),
  );
  expect(missing).toEqual([]);
});

const OPEN = ["auth.login", "auth.refresh", "health.basic"];
const closed = PROCEDURES.filter(({ name }) => !OPEN.includes(name));

const PROOFS: [name: string, make: () => string | undefined | Promise<string>][] = [
  ["no token", () => undefined],
  [
    "an expired token",
    () =>
      new SignJWT({ team: String(stranger.teamId), epoch: 0, sid: stranger.family })
        .setProtectedHeader({ alg: "HS256" })
        .setSubject(String(stranger.id))
        .setIssuer("fabrica")
        .setAudience("fabrica-api")
        .setExpirationTime(Math.floor(Date.now() / 1000) - 60)
        .sign(deriveKey("access")),
  ],
  ["a worker's token", () => worker.token],
  ["the token that runners register with", () => REGISTRATION],
  ["a refresh token", () => stranger.refreshToken],
];

describe.each(PROOFS)("with %s", (_, make) => {
  test.each(doors)("every procedure is closed: %s", async (door) => {
    const token = await make();
    const before = await everything();
    for (const procedure of closed) {
      const answer = await ask(door, procedure.name, leastInput(procedure, own), token);
      expect(answer.status, procedure.name).toBe(401);
      expectPlain(answer, procedure.name);
    }
    expect(await everything()).toEqual(before);
  });
});

describe("what belongs to another team", () => {
  const named = closed.flatMap((procedure) =>
    procedure.fields.filter((field) => refers(procedure, field)).map((field) => [procedure, field] as const),
  );

  test.each(doors)("is not there, and stays as it is: %s", async (door) => {
    const before = await everything();
    for (const [procedure, field] of named) {
      if (procedure.name.startsWith("workers.")) continue; // They are the factory's, and work for all teams.
      const input = { ...leastInput(procedure, own), [field]: referenceOf(procedure, field, theirs) };
      const about = `${procedure.name} ${field}`;
      const answer = await ask(door, procedure.name, input, stranger.token);
      expectPlain(answer, about);
      if (procedure.inPath.includes(field)) expect(answer.status, about).toBe(404);
      // What refuses repeats the name that it was given, and nothing else.
      else if (answer.status < 400) expect(JSON.stringify(answer.json), about).not.toContain("ours-alone");
    }
    const after = await everything();
    const lost = [...before].filter((row) => !after.has(row) && /ours-alone/.test(row));
    expect(lost).toEqual([]);
    const job = await factory.db.job.findUniqueOrThrow({ where: { publicId: theirs.job } });
    expect(await factory.db.jobDependency.count({ where: { dependsOnId: job.id } })).toBe(0);
  });

  test.each(doors)("is in no list and no figure: %s", async (door) => {
    for (const procedure of closed.filter(({ mutation, inPath }) => !mutation && inPath.length === 0)) {
      const { status, json } = await ask(door, procedure.name, leastInput(procedure, own), stranger.token);
      expect(status, procedure.name).toBe(200);
      expect(JSON.stringify(json), procedure.name).not.toMatch(/ours-alone/);
      expect(JSON.stringify(json), procedure.name).not.toContain(theirs.job);
    }
  });

  test("is there for its own team", async () => {
    for (const procedure of closed.filter(({ mutation }) => !mutation)) {
      const { status } = await ask("rest", procedure.name, leastInput(procedure, theirs), owner.token);
      expect(status, procedure.name).toBe(200);
    }
  });
});

/** Changes that are a person's own, whatever the role. */
const PERSONAL = ["auth.logout", "auth.createToken", "auth.revokeToken"];

test.each(doors)("a viewer changes nothing: %s", async (door) => {
  const before = await everything();
  for (const procedure of closed.filter(({ name, mutation }) => mutation && !PERSONAL.includes(name))) {
    const answer = await ask(door, procedure.name, leastInput(procedure, own), viewer.token);
    expect(answer.status, procedure.name).toBe(403);
    expectPlain(answer, procedure.name);
  }
  expect(await everything()).toEqual(before);
});

test("no person's token opens a call of a worker", async () => {
  const before = await everything();
  const CALLS = [
    ...["heartbeat", "claim", "commands", "report", "fail", "deregister", "brief", "external", "lock"],
    ...["complete", "stuck", "bundle", "anthropic/v1/messages", "anthropic/v1/messages/count_tokens"],
  ];
  for (const path of CALLS)
    for (const token of [stranger.token, owner.token, stranger.refreshToken, REGISTRATION, ""]) {
      const call = { token, body: {}, headers: { "x-fabrica-protocol": "1", "x-api-key": token } };
      const request = makeRequest("POST", `/api/worker/${worker.worker_id}/${path}`, call);
      expect((await read(await answerWorkerRequest(request))).status, path).toBe(401);
    }
  expect(await everything()).toEqual(before);
});

/** What stands in an address is text; a body is read alike by both doors. */
const sentBy = (door: Door, { method, inPath }: Procedure, field: string) =>
  door === "trpc" || method !== "POST" || inPath.includes(field);
/** Whole inputs of these; the rest is told apart by nothing that reads an input. */
const WHOLE: unknown[] = ["", "\u0000", -1, 2 ** 53, true, null, [], [[]], {}, { constructor: {} }];

describe("whatever is sent", () => {
  test.each(doors)(
    "is answered with a plain word: %s",
    async (door) => {
      for (const procedure of PROCEDURES) {
        const least = leastInput(procedure, own);
        for (const field of procedure.fields.filter((name) => sentBy(door, procedure, name))) {
          const expectAnswer = async (value: unknown) => {
            const answer = await ask(door, procedure.name, { ...least, [field]: value }, stranger.token);
            expectPlain(answer, `${procedure.name} ${field} ${JSON.stringify(value)?.slice(0, 60)}`);
          };
          // As many as there are connections, so that nobody waits for one for long.
          for (let at = 0; at < HOSTILE.length; at += 10)
            await Promise.all(HOSTILE.slice(at, at + 10).map(expectAnswer));
        }
      }
    },
    300_000,
  );

  test("as a whole input is answered with a plain word", async () => {
    for (const { name, mutation } of PROCEDURES.filter((one) => one.name !== "auth.logout"))
      for (const value of WHOLE) {
        const json = JSON.stringify({ json: value });
        const request = mutation
          ? makeRequest("POST", `/api/trpc/${name}`, { token: stranger.token, raw: json })
          : makeRequest("GET", `/api/trpc/${name}?input=${encodeURIComponent(json)}`, {
              token: stranger.token,
            });
        expectPlain(await read(await handleTrpc(request, factory.db)), `${name} ${json.slice(0, 60)}`);
      }
  });
});
