// A recorded transcript drives the agents again: the same questions get the same answers, and what comes of them is the
// same. The fixture was recorded from the simulation; RECORD_TRANSCRIPT=1 writes it anew.
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startAgentRun } from "@/server/agents/start-agent-run";
import { takeTurn } from "@/server/agents/take-turn";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import type { Job } from "@/server/generated/prisma/client";
import { replaceProvider } from "@/server/models/choose-model";
import type { ToolResult } from "@/server/models/port";
import { createReplay, type Recording, readTranscript } from "@/server/models/replay";
import { exportTranscript } from "@/server/services/transcripts/export-transcript";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { createRepository } from "@/server/workspaces/repository";
import { driveStep } from "../support/drive-step";
import { HandRunner } from "../support/hand-runner";
import { addTeam, addWorkers, type Core, fileJob, startCore } from "../support/settings";

const FIXTURE = join(import.meta.dirname, "simulation.transcript.jsonl");
const REQUEST = {
  title: "Blog",
  description: "Blog",
  features: ["Posts"],
  stack: ["node"],
  toolchains: ["node"],
};
const BEGUN = [
  { key: "plan", role: "planner" as const, first: `<job>${JSON.stringify(REQUEST)}</job>`, task: null },
  {
    key: "task-1/coder",
    role: "coder" as const,
    first: `<job>${JSON.stringify(REQUEST)}</job>\n<task>{"n":1,"of":1,"title":"Posts"}</task>\n<files></files>`,
    task: 1,
  },
];

let core: Core;
let db: Db;
let ctx: Ctx;
let runner: HandRunner;
let job: Job;
let restore = () => {};

beforeAll(async () => {
  core = await startCore();
  db = core.db;
  ctx = await addTeam(db, "north");
});
afterAll(() => core.close());
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false } });
  await fileJob(ctx, { title: "Blog", models: { planner: "simulation/sim-1", coder: "simulation/sim-1" } });
  const [worker = ""] = await addWorkers(db, 1);
  runner = new HandRunner(db, worker);
  job = await runner.claim();
  await createRepository(jobRepository(job.publicId));
  runner.serve();
});
afterEach(async () => {
  restore();
  restore = () => {};
  await runner.stop();
});

/** Lets every agent run of the fixture begin and end. */
async function workThrough(): Promise<void> {
  for (const begun of BEGUN) {
    await startAgentRun(db, { job, ...begun });
    for (let n = 1; ; n++) {
      const { finished } = await driveStep(() => takeTurn(db, { job: job.publicId, run: 1 }, begun.key, n));
      if (finished) break;
    }
  }
}

async function transcript(): Promise<string> {
  let text = "";
  for await (const line of await exportTranscript({ ctx, input: { id: job.publicId } }))
    text += `${JSON.stringify(line)}\n`;
  return text;
}

/** What a run came to, without what is another each time. */
const came = ({ turns }: Recording) =>
  turns.map(({ agent_run, turn, text, calls, stop, usage, results }) => ({
    agent_run,
    turn,
    text,
    calls,
    stop,
    usage,
    results,
  }));

const fixture = () => readTranscript(readFileSync(FIXTURE, "utf8"));
const replay = (recording: Recording) => {
  restore = replaceProvider(createReplay(recording, { name: "simulation" }));
};

describe("a recording", () => {
  test("drives the agents as they were driven when it was made", async () => {
    if (process.env.RECORD_TRANSCRIPT) {
      await workThrough();
      writeFileSync(FIXTURE, await transcript());
      return;
    }
    replay(fixture());
    await workThrough();
    expect(came(readTranscript(await transcript()))).toEqual(came(fixture()));
    expect(readFileSync(FIXTURE).length).toBeLessThan(100_000);
    const { headCommit, spentMicroUsd } = await db.job.findUniqueOrThrow({ where: { id: job.id } });
    expect(headCommit).not.toBeNull();
    expect(spentMicroUsd).toBeGreaterThan(0n);
  });

  test.each<[string, (recording: Recording) => void, RegExp]>([
    [
      "another first message",
      ({ agentRuns }) => edit(agentRuns[0]?.prompt, "first", "<job>{}</job>"),
      /plan, turn 1: the first message differs in line 1: .* was recorded/,
    ],
    [
      "another role",
      ({ agentRuns }) => edit(agentRuns[0], "role", "tester"),
      /plan, turn 1: the role is planner, not tester/,
    ],
    [
      "no such agent run",
      (recording) => recording.agentRuns.shift(),
      /plan, turn 1: run 1 of the recording has no such agent run/,
    ],
    [
      "no more turns",
      (recording) => recording.turns.splice(0),
      /plan, turn 1: the recording ends after turn 0/,
    ],
    [
      "texts that were removed",
      ({ turns }) => edit(turns[0], "expired", true),
      /the texts of the recording were removed/,
    ],
  ])("with %s says what differs", async (_what, change, told) => {
    const recording = fixture();
    change(recording);
    replay(recording);
    await expect(workThrough()).rejects.toThrow(told);
  });

  test.each<[string, (content: string) => Partial<ToolResult> | null, RegExp]>([
    [
      "another text",
      () => ({ content: "something else" }),
      /of finish differs in line 1: "finished" was recorded, "something else" came/,
    ],
    ["an error", () => ({ isError: true }), /finish failed this time/],
    ["nothing", () => null, /the result of finish is missing/],
  ])("with %s as a result says which call and where", async (_what, change, told) => {
    const recording = fixture();
    const turn = recording.turns.find((one) => one.agent_run === "plan") as Recording["turns"][number];
    recording.turns.push({ ...turn, turn: 2 });
    const results = turn.results.flatMap(({ id, ok, content }) => {
      const now = change(content);
      return now ? [{ callId: id, content, isError: !ok, ...now }] : [];
    });
    const provider = createReplay(recording, { name: "simulation" });
    const asked = {
      model: "sim-1",
      role: "planner" as const,
      about: { agentRun: "plan", turn: 2 },
      system: "",
      messages: [
        { role: "user" as const, text: BEGUN[0]?.first ?? "" },
        { role: "user" as const, text: "", results },
      ],
      tools: [],
      maxTokens: 100,
      forceTool: null,
      signal: new AbortController().signal,
    };
    await expect(provider.ask(asked)).rejects.toThrow(told);
    await expect(provider.ask({ ...asked, about: undefined })).rejects.toThrow(/which turn it is of/);
  });
});

const edit = (target: object | null | undefined, key: string, value: unknown) =>
  Object.assign(target as object, { [key]: value });

describe("a file that is no recording", () => {
  const text = () => readFileSync(FIXTURE, "utf8");
  test.each<[string, () => string, RegExp]>([
    ["nothing", () => "", /its first line is missing/],
    ["prose", () => "hello", /Line 1 of the transcript is not JSON/],
    [
      "another version",
      () => text().replaceAll('"v":1', '"v":2'),
      /Line 1 of the transcript is not of version 1/,
    ],
    ["a cut export", () => text().trimEnd().split("\n").slice(0, -1).join("\n"), /cut off/],
    ["a line of wrong types", () => text().replace('"turn":1,', '"turn":"one",'), /cannot be read: turn/],
  ])("%s is refused with the reason", (_what, given, told) => {
    expect(() => readTranscript(given())).toThrow(told);
  });
});
