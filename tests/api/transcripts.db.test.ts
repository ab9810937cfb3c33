// What agents were asked and answered, over the API: in pages, as an export, of one's own team, without credentials.
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { handleRest } from "@/server/api/http/rest";
import { handleTranscript } from "@/server/api/http/transcript";
import { handleTrpc } from "@/server/api/http/trpc";
import { type TranscriptLine, transcriptLine } from "@/server/domain/transcripts";
import { rememberSecret } from "@/server/services/secrets/known-secrets";
import { addPerson, type Factory, makeRequest, type Person, read, startFactory } from "./support";

const TURNS = 45;
const SECRET = "a-secret-that-was-known-later";
let factory: Factory;
let ana: Person;
let stranger: Person;
let job: string;

beforeAll(async () => {
  factory = await startFactory();
  const { db } = factory;
  ana = await addPerson(db, "ana", "north", "viewer");
  stranger = await addPerson(db, "sam", "south", "admin");
  const member = await addPerson(db, "mia", "north", "member");
  const made = makeRequest("POST", "/api/v1/jobs", { token: member.token, body: { title: "Ours" } });
  job = (await read(await handleRest(made, db))).json.job_id;
  const { id: jobId } = await db.job.findUniqueOrThrow({ where: { publicId: job } });
  const prompt = {
    system: "You plan.",
    first: "<job/>",
    tools: [{ name: "finish" }],
    forceTool: "finish",
    maxTurns: 4,
  };
  const run = { jobId, run: 1, provider: "simulation", model: "sim-1", prompt };
  await db.agentRun.create({ data: { ...run, key: "plan", role: "planner", state: "finished" } });
  const coder = await db.agentRun.create({
    data: { ...run, key: "task-1/coder", role: "coder", turns: TURNS, spentMicroUsd: 4_500n },
  });
  rememberSecret(SECRET);
  await db.turn.createMany({
    data: Array.from({ length: TURNS }, (_, i) => ({
      agentRunId: coder.id,
      n: i + 1,
      answer: {
        text: `turn ${i + 1} ${SECRET}`,
        calls: [{ id: "c", name: "run", input: { command: "ls" } }],
        stop: "tool",
        // As a provider's own blocks are kept.
        ...(i === 29 && {
          raw: [
            { type: "thinking", thinking: `First this. ${SECRET}`, signature: "sealed" },
            { type: "redacted_thinking", data: "sealed" },
            { type: "text", text: "turn 30" },
            { type: "thinking", thinking: "Then that.", signature: "sealed" },
          ],
        }),
      },
      usage: { input: 10, output: 5, cacheRead: 3, cacheWrite: 2 },
      costMicroUsd: 100n,
      modelMs: 12,
      observations: [{ callId: "c", content: "a\u2028b\r\n", isError: false }],
    })),
  });
  const said = { jobId, run: 1, author: "mia", agentRunId: coder.id, turn: 30 };
  await db.jobMessage.create({ data: { ...said, text: "Use blue.", deliveredAt: new Date() } });
  // Pinned to a turn that was asked before it came: another one reads it.
  await db.jobMessage.create({ data: { ...said, text: "Use green." } });
});
afterAll(() => factory.close());

const get = async (path: string, token = ana.token) =>
  read(await handleRest(makeRequest("GET", `/api/v1/jobs/${job}${path}`, { token }), factory.db));
const exported = (token = ana.token, query = "") =>
  handleTranscript(makeRequest("GET", `/api/v1/jobs/${job}/transcript${query}`, { token }), job, factory.db);

describe("agent runs", () => {
  test("are listed oldest first, in pages", async () => {
    const first = await get("/agent-runs?limit=1");
    expect(first.json.agent_runs).toMatchObject([{ agent_run: "plan", role: "planner", status: "finished" }]);
    const next = await get(`/agent-runs?limit=1&cursor=${first.json.next_cursor}`);
    expect(next.json).toMatchObject({
      agent_runs: [{ agent_run: "task-1/coder", turns: TURNS, cost_usd: 0.0045 }],
      next_cursor: null,
    });
    expect((await get("/agent-runs?run=2")).json.agent_runs).toEqual([]);
  });

  test.each(["limit=0", "limit=1000", "cursor=-1", "cursor=x", "run=0", "owner=1"])(
    "?%s is refused",
    async (query) => expect((await get(`/agent-runs?${query}`)).status).toBe(400),
  );
});

describe("turns", () => {
  test("come in pages, each once, with everything that was asked and answered", async () => {
    const seen: number[] = [];
    for (let cursor = 0; ; ) {
      const { json } = await get(`/agent-runs/task-1%2Fcoder/turns?cursor=${cursor}&limit=20`);
      expect(json.prompt).toEqual({
        system: "You plan.",
        first: "<job/>",
        tools: ["finish"],
        force_tool: "finish",
        max_turns: 4,
      });
      seen.push(...json.turns.map((turn: { turn: number }) => turn.turn));
      if (json.next_cursor === null) break;
      cursor = json.next_cursor;
    }
    expect(seen).toEqual(Array.from({ length: TURNS }, (_, i) => i + 1));
  });

  test("say who answered, what it cost and what people said", async () => {
    const { json } = await get("/agent-runs/task-1%2Fcoder/turns?cursor=29&limit=1");
    expect(json.turns).toMatchObject([
      {
        turn: 30,
        provider: "simulation",
        model: "sim-1",
        said: [{ author: "mia", text: "Use blue." }],
        calls: [{ id: "c", tool: "run", input: { command: "ls" } }],
        results: [{ id: "c", ok: true, content: "a\u2028b\r\n" }],
        usage: { input: 10, output: 5, cache_read: 3, cache_write: 2 },
        cost_usd: 0.0001,
        model_ms: 12,
        thinking: "First this. [redacted]\n\nThen that.",
        expired: false,
      },
    ]);
    const { askedAt } = await factory.db.turn.findFirstOrThrow({ where: { n: 30 } });
    expect(Date.parse(json.turns[0].asked_at)).toBe(askedAt.getTime() - 12);
    expect(
      (await get("/agent-runs/task-1%2Fcoder/turns?cursor=0&limit=1")).json.turns[0].thinking,
    ).toBeNull();
  });

  test("of no agent run are not found", async () => {
    expect((await get("/agent-runs/nobody/turns")).status).toBe(404);
    expect((await get("/agent-runs/plan/turns?run=7")).status).toBe(404);
    expect((await get(`/agent-runs/${"k".repeat(300)}/turns`)).status).toBe(400);
  });

  test("are procedures as well", async () => {
    const input = encodeURIComponent(JSON.stringify({ json: { id: job, key: "task-1/coder" } }));
    const request = makeRequest("GET", `/api/trpc/transcripts.turns?input=${input}`, { token: ana.token });
    expect(JSON.stringify((await read(await handleTrpc(request, factory.db))).json)).toContain("turn 20");
  });
});

describe("the export", () => {
  test("is one JSON object a line, of the documented shape, whole and in order", async () => {
    const response = await exported();
    expect(response.headers.get("content-type")).toContain("application/x-ndjson");
    const text = await response.text();
    const lines = text
      .trimEnd()
      .split("\n")
      .map((one): TranscriptLine => transcriptLine.parse(JSON.parse(one)));
    expect(lines.map((one) => one.type)).toEqual([
      "transcript",
      "agent_run",
      "agent_run",
      ...Array(TURNS).fill("turn"),
      "end",
    ]);
    expect(lines.every((one) => one.v === 1)).toBe(true);
    expect(lines.at(-1)).toMatchObject({ agent_runs: 2, turns: TURNS, cost_usd: 0.0045 });
    expect(text).not.toContain(SECRET);
    expect(text).toContain("turn 45 [redacted]");
  });

  test("is nobody else's", async () => {
    expect((await exported(stranger.token)).status).toBe(404);
    expect((await exported("fab_unknown")).status).toBe(401);
    expect((await get("/agent-runs", stranger.token)).status).toBe(404);
    expect((await get("/agent-runs/plan/turns", stranger.token)).status).toBe(404);
  });

  test("takes no token in its address", async () => {
    expect((await exported(ana.token, "?token=x")).status).toBe(400);
  });

  test("may be left in the middle", async () => {
    const reader = (await exported()).body?.getReader();
    await reader?.read();
    await reader?.cancel();
    expect((await exported()).status).toBe(200);
  });
});
