// Speaking to a job over HTTP: what is answered, what is refused with which sentence, and that a refusal changes nothing.
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { handleRest } from "@/server/api/http/rest";
import { handleTrpc } from "@/server/api/http/trpc";
import { openApiDocument } from "@/server/api/openapi";
import { addPerson, type Call, type Factory, makeRequest, type Person, read, startFactory } from "./support";

let factory: Factory;
let ana: Person;
let job: string;

beforeAll(async () => {
  factory = await startFactory();
  ana = await addPerson(factory.db, "ana", "north", "member");
});
afterAll(() => factory.close());
beforeEach(async () => {
  job = (await send("POST", "/jobs", { body: { title: "A job", approve_plan: true } })).json.job_id;
});

const send = async (method: string, path: string, call: Call = {}) =>
  read(await handleRest(makeRequest(method, `/api/v1${path}`, { token: ana.token, ...call }), factory.db));
const say = (body: unknown, headers: Record<string, string> = {}) =>
  send("POST", `/jobs/${job}/messages`, { body, headers });
const list = async (query = "") => (await send("GET", `/jobs/${job}/messages${query}`)).json.messages;
/** As a job is once its planner has handed in a plan. */
async function planWaits(): Promise<void> {
  const { id: jobId } = await factory.db.job.findUniqueOrThrow({ where: { publicId: job } });
  await factory.db.planReview.create({ data: { jobId, run: 1, version: 1, spec: "# A\n\n- [ ] one\n" } });
  await factory.db.job.update({
    where: { id: jobId },
    data: { state: "paused", resumeState: "running", waitingCode: "plan", claimable: false },
  });
}

describe("a message", () => {
  test("is answered with 201, listed from any place on, and shown in the log", async () => {
    const { status, json } = await say({ text: "Mind the edges.\nPlease." });
    expect([status, json]).toEqual([
      201,
      {
        message_id: expect.stringMatching(/^\d+$/),
        run: 1,
        author: "ana",
        text: "Mind the edges.\nPlease.",
        created_at: expect.any(String),
        state: "waiting",
        agent_run: null,
        turn: null,
        read_at: null,
      },
    ]);
    await say({ text: "And the middle." });
    expect((await list()).map(({ text }: { text: string }) => text)).toEqual([
      "Mind the edges.\nPlease.",
      "And the middle.",
    ]);
    expect(await list(`?after=${json.message_id}`)).toHaveLength(1);
    expect(await list("?limit=1")).toMatchObject([{ message_id: json.message_id }]);
    const { events } = (await send("GET", `/jobs/${job}/log`)).json;
    expect(events.filter(({ type }: { type: string }) => type === "steer.sent")).toHaveLength(2);
  });

  test("is sent by tRPC, too", async () => {
    const body = { json: { id: job, text: "Hello." } };
    const asked = makeRequest("POST", "/api/trpc/steering.send", { token: ana.token, body });
    expect((await read(await handleTrpc(asked, factory.db))).json.result.data.json).toMatchObject({
      text: "Hello.",
      state: "waiting",
    });
  });

  test("with an Idempotency-Key is one, however often it is sent", async () => {
    const key = { "idempotency-key": "m-1" };
    const sent = await Promise.all([1, 2, 3].map(() => say({ text: "Once." }, key)));
    expect(new Set(sent.map(({ json }) => json.message_id)).size).toBe(1);
    expect((await say({ text: "Twice." }, key)).status).toBe(409);
    expect(await list()).toHaveLength(1);
  });

  test.each([
    ["empty", { text: "" }, "must not be empty"],
    ["only blanks", { text: " \n\t " }, "must not be empty"],
    ["too long", { text: "x".repeat(10_001) }, "at most 10000 characters"],
    ["with a NUL", { text: "a\u0000b" }, "NUL"],
    ["no text", {}, "text"],
    ["a number", { text: 7 }, "text"],
    ["with a field of nobody's", { text: "a", author: "bo" }, "author"],
    ["with the id in the body", { text: "a", id: "JOB-1" }, "address only"],
  ])("%s is refused", async (_name, body, sentence) => {
    const { status, json } = await say(body);
    expect(status).toBe(400);
    expect(json.error).toMatchObject({ code: "bad_request", message: expect.stringContaining(sentence) });
    expect(await list()).toEqual([]);
  });

  test("of ten thousand characters is taken, and a half of a pair is not", async () => {
    expect((await say({ text: "ä".repeat(10_000) })).status).toBe(201);
    const raw = '{"text":"a\\ud800b"}';
    expect((await send("POST", `/jobs/${job}/messages`, { raw })).status).toBe(400);
  });

  test("to a stopped job is refused with what to do", async () => {
    await send("DELETE", `/jobs/${job}`);
    const { status, json } = await say({ text: "Hello?" });
    expect([status, json.error.code]).toEqual([409, "conflict"]);
    expect(json.error.message).toContain("Retry it first");
  });

  test.each(["after=x", "after=-1", "limit=0", "limit=501", "from=1"])(
    "a list with %s is refused",
    async (query) => {
      expect((await send("GET", `/jobs/${job}/messages?${query}`)).status).toBe(400);
    },
  );
});

describe("a plan", () => {
  test("that waits is shown, approved with the job as the answer, and not resumed past", async () => {
    await planWaits();
    expect((await send("GET", `/jobs/${job}`)).json).toMatchObject({
      status: "paused",
      waiting_code: "plan",
    });
    expect((await send("GET", `/jobs/${job}/plan`)).json).toMatchObject({
      waits: 1,
      versions: [{ version: 1, decision: null, spec: "# A\n\n- [ ] one\n" }],
    });
    const resumed = await send("POST", `/jobs/${job}/resume`);
    expect([resumed.status, resumed.json.error.message]).toEqual([
      409,
      `${job} waits for a decision about its plan: approve the plan, or ask for changes.`,
    ]);
    const { status, json } = await send("POST", `/jobs/${job}/plan/approve`, { body: { version: 1 } });
    expect([status, json.status, json.waiting_code]).toEqual([200, "running", "no_worker"]);
    expect((await send("POST", `/jobs/${job}/plan/approve`, { body: { version: 1 } })).status).toBe(200);
    expect((await send("GET", `/jobs/${job}/plan`)).json).toMatchObject({
      waits: null,
      versions: [{ decision: "approved", decided_by: "ana" }],
    });
  });

  test("is sent back with remarks", async () => {
    await planWaits();
    const path = `/jobs/${job}/plan/request-changes`;
    expect((await send("POST", path, { body: { text: "Smaller." } })).json.status).toBe("running");
    expect((await send("GET", `/jobs/${job}/plan`)).json.versions).toMatchObject([
      { decision: "changes", remarks: "Smaller." },
    ]);
  });

  test.each([
    ["approve", { version: 0 }, 400],
    ["approve", { version: "1" }, 400],
    ["approve", { version: 2 }, 409],
    ["approve", { spec: "" }, 400],
    ["approve", { spec: "# No list" }, 422],
    ["approve", { spec: "a\u0000- [ ] b" }, 400],
    ["approve", { text: "yes" }, 400],
    ["request-changes", {}, 400],
    ["request-changes", { text: "  " }, 400],
    ["request-changes", { text: "x".repeat(10_001) }, 400],
    ["request-changes", { text: "x", version: 9 }, 409],
  ])("%s with %j is refused", async (what, body, expected) => {
    await planWaits();
    const { status, json } = await send("POST", `/jobs/${job}/plan/${what}`, { body });
    expect([status, typeof json.error.message]).toEqual([expected, "string"]);
    expect((await send("GET", `/jobs/${job}/plan`)).json.waits).toBe(1);
  });

  test("of an external agent is written by the factory first", async () => {
    const { status, json } = await send("POST", "/jobs", {
      body: { title: "A", agent: "external", approve_plan: true },
    });
    expect([status, json.agent]).toEqual([201, "external"]);
    const row = await factory.db.job.findUniqueOrThrow({ where: { publicId: json.job_id } });
    expect([row.needs, row.prepares]).toEqual(["runner", true]);
  });

  test("that is not there cannot be decided about", async () => {
    const { status, json } = await send("POST", `/jobs/${job}/plan/approve`, { body: {} });
    expect([status, json.error.message]).toEqual([409, `${job} has no plan that waits for a decision.`]);
  });
});

test("the document says how a message is sent", () => {
  const paths = openApiDocument().paths ?? {};
  const post = paths["/jobs/{id}/messages"]?.post;
  expect(Object.keys(post?.responses ?? {})).toContain("201");
  expect(JSON.stringify(post)).toContain("Idempotency-Key");
  expect(paths["/jobs/{id}/plan/approve"]?.post).toBeDefined();
});
