// The model-output rows of the bad-input list: refused, told to the model, retried within the budget. The model is a
// real endpoint that says bad things; the sandbox is a folder with the real git.
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { startAgentRun } from "@/server/agents/start-agent-run";
import { takeTurn } from "@/server/agents/take-turn";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { GiveUp, NotYet, Stuck } from "@/server/domain/step-outcome";
import type { Job } from "@/server/generated/prisma/client";
import type { ToolResult } from "@/server/models/port";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { readTree } from "@/server/workspaces/read-files";
import { createRepository } from "@/server/workspaces/repository";
import { HandRunner } from "../support/hand-runner";
import { patiently } from "../support/patient";
import { type ScriptedCore, startScriptedCore } from "../support/scripted-core";
import type { Said, ScriptedModel } from "../support/scripted-model";
import { addWorkers, eventsOf, fileJob, reload } from "../support/settings";

const KEY = "task-1/coder";
let model: ScriptedModel;
let core: ScriptedCore;
let db: Db;
let ctx: Ctx;
let runner: HandRunner;
let job: Job;

beforeAll(async () => {
  core = await startScriptedCore();
  ({ model, db, ctx } = core);
});
afterAll(() => core.close());
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false } });
  model.asked.length = 0;
  job = await fileJob(ctx, { models: { coder: "anthropic/claude-sonnet-5-5" } });
  const [worker = ""] = await addWorkers(db, 1);
  runner = new HandRunner(db, worker);
  job = await runner.claim();
  await createRepository(jobRepository(job.publicId));
  await startAgentRun(db, { job, key: KEY, role: "coder", first: "Build it.", task: 1 });
  runner.serve();
});
afterEach(() => runner.stop());

const turn = (n: number) => patiently(() => takeTurn(db, { job: job.publicId, run: 1 }, KEY, n));
const rowOf = (n: number) => db.turn.findFirstOrThrow({ where: { n, agentRun: { jobId: job.id } } });

/** Lets the model say this in its next turn and gives what it is told. */
async function say(
  said: Said,
  n = 1,
): Promise<{ results: ToolResult[]; nudge: string | null; finished: boolean }> {
  model.script = [said];
  const { finished } = await turn(n);
  const row = await rowOf(n);
  return { results: row.observations as unknown as ToolResult[], nudge: row.nudge, finished };
}

const write = (path: unknown, content: unknown = "x\n") => ({ name: "write", input: { path, content } });
const files = async () => {
  const { headCommit } = await reload(db, job);
  return headCommit ? (await readTree(jobRepository(job.publicId), headCommit)).map((file) => file.path) : [];
};

/** A row: the call, and words that the model is told. */
const REFUSED: [name: string, call: { name: string; input: unknown }, told: RegExp][] = [
  ["a path upwards", write("../x"), /leads out/],
  ["a path upwards in the middle", write("a/../../x"), /leads out/],
  ["a hidden path upwards", write("./../x"), /leads out/],
  ["an absolute path", write("/etc/passwd"), /relative/],
  ["a git hook", write(".git/hooks/post-commit"), /\.git/],
  ["a git hook in capitals", write(".GIT/hooks/post-commit"), /\.git/],
  ["git by its short name", write("GIT~1/config"), /\.git/],
  ["git with a dot behind", write("a/.git./config"), /\.git/],
  ["a name of 5,000 bytes", write("n".repeat(5_000)), /longer than/],
  ["1,000 letters of 4 bytes", write("😀".repeat(1_000)), /longer than/],
  ["a newline", write("a\nb"), /control/],
  ["a turned name", write("safe\u202etxt.exe"), /invisible/],
  ["an invisible letter", write("a\u200bb"), /invisible/],
  ["a backslash", write("a\\b"), /backslash/],
  ["no path", write(""), /is empty/],
  ["a CI file", write(".github/workflows/ci.yml"), /CI files wait for a person/],
  ["a CI file in capitals", write(".GitHub/Workflows/ci.yml"), /CI files wait for a person/],
  ["a CI file behind dots", write("./.github//workflows/./ci.yml"), /CI files wait for a person/],
  ["another CI's file", write(".gitlab-ci.yml"), /CI files wait for a person/],
  ["an unknown tool", { name: "sudo", input: {} }, /no tool "sudo"/],
  ["a tool from the prototype", { name: "constructor", input: {} }, /no tool "constructor"/],
  ["__proto__ as a tool", { name: "__proto__", input: {} }, /no tool/],
  ["a path that is a number", write(7), /path/],
  ["a path that is a list", write(["a"]), /path/],
  ["content that is an object", write("a", { toString: 1, valueOf: 1 }), /content/],
  ["a command that no text can be made of", { name: "run", input: { command: { toString: 1 } } }, /command/],
  ["no content", { name: "write", input: { path: "a" } }, /content/],
  ["input that is a list", { name: "write", input: [] }, /write/],
  ["input that is nothing", { name: "write", input: null }, /write/],
  ["input nested without end", { name: "run", input: JSON.parse(nested(3_000)) }, /command/],
  ["a time limit of a day", { name: "run", input: { command: "true", timeout_seconds: 86_400 } }, /timeout/],
  ["a negative time limit", { name: "run", input: { command: "true", timeout_seconds: -1 } }, /timeout/],
];

function nested(depth: number): string {
  return `${'{"command":'.repeat(depth)}1${"}".repeat(depth)}`;
}

describe("a call that is refused", () => {
  test.each(REFUSED)("%s", async (_name, call, told) => {
    const { results, finished } = await say({ text: "I do this.", calls: [call] });
    expect(finished).toBe(false);
    expect(results).toHaveLength(1);
    expect(results[0]).toMatchObject({ isError: true, content: expect.stringMatching(told) });
    expect(runner.seen.filter(({ spec }) => spec.kind === "exec")).toEqual([]);
    expect(await files()).toEqual([]);
    expect((await reload(db, job)).state).toBe("running");
    const spend = await db.spend.findMany({ where: { jobId: job.id } });
    expect(spend.map((row) => row.state)).toEqual(["settled"]);
  });

  test("does not keep the others of the same answer from being carried out, and each is answered", async () => {
    const { results } = await say({ calls: [write("a.txt"), write("../b"), write("c.txt")] });
    expect(results.map((result) => result.isError)).toEqual([false, true, false]);
    expect(await files()).toEqual(["a.txt", "c.txt"]);
  });
});

describe("paths that are only untidy", () => {
  test.each(["./a/b.txt", "a//b.txt", "a/./b.txt"])("%s is taken", async (path) => {
    const { results } = await say({ calls: [write(path)] });
    expect(results[0]).toMatchObject({ isError: false });
    expect(await files()).toEqual(["a/b.txt"]);
  });

  test.each([".", "./", undefined])("search in %j looks everywhere", async (path) => {
    await say({ calls: [write("a.txt", "needle\n")] });
    const { results } = await say({ calls: [{ name: "search", input: { pattern: "needle", path } }] }, 2);
    expect(results[0]?.content).toMatch(/a\.txt:1:needle/);
  });
});

describe("what several calls bring about together", () => {
  test.each([
    [
      "two files whose names differ only in case",
      [write("Readme.md"), write("README.md")],
      /upper and lower case/,
    ],
    [
      "a folder and a file of one name in other case",
      [write("src/a.py"), write("SRC/b.py")],
      /upper and lower case/,
    ],
  ])("%s are not kept, and the model is told", async (_name, calls, told) => {
    const { results } = await say({ calls });
    expect(results.map((result) => result.isError)).toEqual([true, true]);
    expect(results[0]?.content).toMatch(told);
    expect(await files()).toEqual([]);
  });

  test("a write through a link changes nothing behind it", async () => {
    const behind = join(core.dataDir, "behind.txt");
    writeFileSync(behind, "as it was");
    const link = { name: "run", input: { command: `ln -s ${behind} x` } };
    const { results } = await say({ calls: [link, write("x")] });
    expect(results[1]?.isError).toBe(true);
    expect(readFileSync(behind, "utf8")).toBe("as it was");
    expect(await files()).toEqual([]);
  });
});

describe("what a program in the sandbox brings about", () => {
  const run = (command: string, more = {}) => ({ name: "run", input: { command, ...more } });
  test.each([
    ["10,000 files", "mkdir d; cd d; seq 1 10000 | xargs touch", /fewer than 10000/],
    ["a link out of the workspace", "ln -s /etc/passwd x", /symbolic link/],
    ["names that differ only in case", "echo 1 > A; echo 2 > a", /upper and lower case/],
    [
      "a CI file",
      "mkdir -p .github/workflows; echo x > .github/workflows/ci.yml",
      /CI files wait for a person/,
    ],
  ])("%s is not kept, and the model is told", async (_name, command, told) => {
    const { results } = await say({ calls: [write("kept.txt"), run(command)] });
    expect(results.every((result) => result.isError)).toBe(true);
    expect(results[0]?.content).toMatch(told);
    expect(await files()).toEqual([]);
    await say({ calls: [run("rm -rf d x A .github")] }, 2);
    expect((await files()).includes("kept.txt")).toBe(true);
    expect((await files()).some((path) => /^(d\/|x$|\.github)/.test(path))).toBe(false);
  });

  test("a time limit that is no whole number of milliseconds is one for the runner", async () => {
    await say({ calls: [run("true", { timeout_seconds: 1.00051 })] });
    const [first] = runner.seen;
    expect(first?.spec).toMatchObject({ kind: "exec", timeout_ms: 1001 });
    await say({ calls: [run("true", { timeout_seconds: 1e-9 })] }, 2);
    expect(runner.seen.every(({ spec }) => Number.isInteger(spec.timeout_ms) && spec.timeout_ms > 0)).toBe(
      true,
    );
  });
});

describe("an edit", () => {
  const edit = (path: string, old: string, now = "new") => ({ name: "edit", input: { path, old, new: now } });
  test.each([
    ["nowhere", "one two\n", "three", /does not occur/],
    ["twice", "one one\n", "one", /more than once/],
    ["in a file that holds a credential", `one\nkey = sk-ant-${"a".repeat(20)}\n`, "one", /cannot be edited/],
  ])("of text that is there %s is refused", async (_name, content, old, told) => {
    // Written by a program, as the text of a call is freed of credentials itself.
    const bytes = Buffer.from(content).toString("base64");
    await say({ calls: [{ name: "run", input: { command: `echo ${bytes} | base64 -d > f` } }] });
    const { headCommit } = await reload(db, job);
    const { results } = await say({ calls: [edit("f", old)] }, 2);
    expect(results[0]).toMatchObject({ isError: true, content: expect.stringMatching(told) });
    expect((await reload(db, job)).headCommit).toBe(headCommit);
  });

  test("of a file that is no text is refused instead of damaging it", async () => {
    await say({ calls: [{ name: "run", input: { command: "printf 'one\\377two' > f" } }] });
    const { results } = await say({ calls: [edit("f", "one")] }, 2);
    expect(results[0]?.content).toMatch(/cannot be edited/);
  });

  test("sees what the calls before it in the same answer wrote", async () => {
    const { results } = await say({ calls: [write("f", "one\n"), edit("f", "one", "$& two")] });
    expect(results.map((result) => result.isError)).toEqual([false, false]);
    const { results: read } = await say({ calls: [{ name: "read", input: { path: "f" } }] }, 2);
    expect(read[0]?.content).toContain("$& two");
  });
});

describe("an answer that is hard to store", () => {
  test.each([
    ["an escape of NUL in code", 'if (text === "\\u0000") stop();'],
    ["NUL itself", "a\u0000b"],
    ["half a surrogate pair", "x \ud83d"],
    ["a key that never ends", "-----BEGIN PRIVATE KEY-----\nMIIE"],
    ["an emoji where a title is cut", `${"x".repeat(193)}😀😀😀`],
    ["60,000 letters", "x".repeat(60_000)],
  ])("%s is stored, paid for once and goes on", async (_name, text) => {
    const said = { text, calls: [write("a.txt", text), { name: "run", input: { command: `: ${text}` } }] };
    const { results } = await say(said);
    expect(results).toHaveLength(2);
    expect(model.asked).toHaveLength(1);
    expect(await db.spend.count({ where: { jobId: job.id } })).toBe(1);
    await say({ calls: [write("b.txt")] }, 2);
    expect(await files()).toContain("b.txt");
  });
});

describe("an answer that is no good", () => {
  test.each([
    ["empty", {}],
    ["empty text", { text: "" }],
    ["a refusal", { text: "I will not.", stop: "refusal" as const }],
    ["only words", { text: "I am thinking about it." }],
  ])("%s: the model is asked to use a tool, and three in a row are stuck", async (_name, said) => {
    const first = await say(said);
    expect(first).toMatchObject({ results: [], finished: false });
    expect(first.nudge).toMatch(/tool/);
    await say(said, 2);
    expect((await say(said, 3)).nudge).toMatch(/stuck/);
    await expect(say(said, 4)).rejects.toBeInstanceOf(Stuck);
    expect(model.asked).toHaveLength(4);
  });

  test("whose line is cut is not acted upon, paid for as far as known, and asked for again", async () => {
    model.script = [{ calls: [write("a.txt")], cut: true }];
    await expect(turn(1)).rejects.toBeInstanceOf(NotYet);
    expect(runner.seen).toEqual([]);
    expect(await db.turn.count({ where: { agentRun: { jobId: job.id } } })).toBe(0);
    const { results } = await say({ calls: [write("b.txt")] });
    expect(results[0]?.isError).toBe(false);
    expect(await files()).toEqual(["b.txt"]);
    expect(await db.spend.count({ where: { jobId: job.id, state: "reserved" } })).toBe(0);
  });

  test("with truncated JSON is told what is wrong with it, and its other calls are made", async () => {
    const half = { name: "write", raw: '{"path": "a.txt", "content": "x' };
    const { results } = await say({ calls: [half, write("b.txt")] });
    expect(results.map((result) => result.isError)).toEqual([true, false]);
    expect(results[0]?.content).toMatch(/^write: its arguments are not valid JSON \(.*\)\. Nothing was done/);
    expect(await files()).toEqual(["b.txt"]);
    await say({ calls: [write("c.txt")] }, 2);
    expect(JSON.stringify(model.asked[1]?.messages)).toContain("not valid JSON");
  });

  test("with a slip of one meaning is taken as it was meant", async () => {
    const raw = '{"command": "echo one\n", "timeout_seconds": "5",}';
    const { results } = await say({ calls: [{ name: "run", raw }] });
    expect(results[0]).toMatchObject({ isError: false, content: expect.stringMatching(/exit code 0\none/) });
    expect(runner.seen[0]?.spec).toMatchObject({ timeout_ms: 5_000 });
  });

  test("with truncated JSON again and again is stuck, not asked without end", async () => {
    const said = { calls: [{ name: "write", raw: '{"path"' }] };
    for (const n of [1, 2]) await say(said, n);
    expect((await say(said, 3)).nudge).toMatch(/same error 3 times/);
    await expect(say(said, 4)).rejects.toBeInstanceOf(Stuck);
    expect(await files()).toEqual([]);
  });

  test("that runs out of tokens loses its last call, keeps the others, and the model is told", async () => {
    const said = { calls: [write("a.txt"), write("half.txt", "only half")], stop: "max_tokens" as const };
    const { results, nudge, finished } = await say(said);
    expect(results).toHaveLength(1);
    expect(finished).toBe(false);
    expect(nudge).toMatch(/cut off/);
    expect(await files()).toEqual(["a.txt"]);
    await say({ text: "on", calls: [write("b.txt")] }, 2);
    expect(JSON.stringify(model.asked[1]?.messages)).toContain("cut off");
  });

  test("with endless text is cut by its limit of tokens, stored, and not shown in full to anybody", async () => {
    const { nudge } = await say({ text: "so ".repeat(100_000), stop: "max_tokens", output: 4096 });
    expect(nudge).toMatch(/cut off/);
    // The answer's limit and, for a model that thinks by itself, room for its thinking.
    expect(model.asked[0]?.max_tokens).toBe(4_096 + 8_192);
  });

  test("with more text than its limit of tokens allows is no answer", async () => {
    model.script = [{ text: "so ".repeat(400_000), output: 4096 }];
    await expect(turn(1)).rejects.toBeInstanceOf(NotYet);
    expect(await db.turn.count({ where: { agentRun: { jobId: job.id } } })).toBe(0);
  });
});

describe("the same failing patch again", () => {
  test("is nudged once and then stops the job, with the reason", async () => {
    await say({ calls: [write("f", "one\n")] });
    const patch = { calls: [{ name: "edit", input: { path: "f", old: "missing", new: "x" } }] };
    let n = 2;
    for (; n < 20; n++) {
      const { nudge } = await say(patch, n);
      if (nudge) break;
    }
    expect((await rowOf(n)).nudge).toMatch(/stuck.*same error 3 times/);
    await expect(say(patch, n + 1)).rejects.toThrow(/The coder is stuck: the same/);
    // A step that died before the job was moved says the same again and asks nobody.
    const asked = model.asked.length;
    await expect(turn(n + 1)).rejects.toBeInstanceOf(Stuck);
    expect(model.asked).toHaveLength(asked);
  });
});

describe("finish", () => {
  const finish = (input: unknown = { summary: "done" }) => ({ name: "finish", input });
  test("with the wrong types is told why", async () => {
    const { results, finished } = await say({ calls: [finish({ summary: 7 })] });
    expect(finished).toBe(false);
    expect(results[0]).toMatchObject({ isError: true, content: expect.stringMatching(/^finish: summary/) });
  });

  test("next to a call that failed does not count, and says so", async () => {
    const { results, finished } = await say({ calls: [write("../x"), finish()] });
    expect(finished).toBe(false);
    expect(results.map((result) => result.isError)).toEqual([true, true]);
    expect(results[1]?.content).toMatch(/not yet/);
  });

  test("twice in one answer answers both calls and counts as none", async () => {
    const { results, finished } = await say({ calls: [finish(), finish({ summary: "no, this" })] });
    expect(finished).toBe(false);
    expect(results).toHaveLength(2);
    expect(new Set(results.map((result) => result.callId)).size).toBe(2);
  });

  test("ends the agent run with its result, and later turns ask nobody", async () => {
    const { finished } = await say({ calls: [write("a.txt"), finish({ summary: "built" })] });
    expect(finished).toBe(true);
    expect(await turn(2)).toEqual({ finished: true });
    expect(model.asked).toHaveLength(1);
    const run = await db.agentRun.findFirstOrThrow({ where: { jobId: job.id } });
    expect(run).toMatchObject({ state: "finished", result: { summary: "built" }, turns: 1 });
    const last = (await eventsOf(db, job)).at(-1);
    expect(last).toMatchObject({ type: "agent.finished", data: { ok: true, summary: "built" } });
  });
});

describe("a result that cannot be read", () => {
  const bad = { calls: [{ name: "finish", input: { summary: 7 } }] };
  const prompts = () => model.asked.map(({ messages }) => JSON.stringify(messages));

  test("of one meaning is mended", async () => {
    const { finished } = await say({ calls: [{ name: "finish", raw: '{"summary": "line\none",}' }] });
    expect(finished).toBe(true);
    const { result } = await db.agentRun.findFirstOrThrow({ where: { jobId: job.id } });
    expect(result).toEqual({ summary: "line\none" });
  });

  test("is asked back for once, then begun afresh, then given up; nothing of it is used", async () => {
    const first = await say({ calls: [write("kept.txt"), ...bad.calls] });
    expect(first.results.at(-1)?.content).toMatch(/^finish: summary: .*string.*call finish again/);
    expect((await say(bad, 2)).nudge).toMatch(/begin afresh/);
    expect((await say(bad, 3)).results[0]?.isError).toBe(true);
    // The fresh question has the job and not what went before.
    expect(prompts()[2]).toContain("Build it.");
    expect(prompts()[2]).not.toContain("call finish again");
    expect(model.asked[2]?.messages).toHaveLength(1);
    await expect(say(bad, 4)).rejects.toMatchObject({ code: "unreadable_result" });
    // A step that died before it could say so says it again and asks nobody.
    await expect(turn(4)).rejects.toBeInstanceOf(GiveUp);
    expect(model.asked).toHaveLength(4);
    expect(await files()).toEqual(["kept.txt"]);
    const run = await db.agentRun.findFirstOrThrow({ where: { jobId: job.id } });
    expect(run).toMatchObject({ state: "running", result: null });
    expect((await reload(db, job)).state).toBe("running");
  });

  test("is forgotten when the agent gets it right after it began afresh", async () => {
    for (const n of [1, 2]) await say(bad, n);
    const { finished } = await say({ calls: [{ name: "finish", input: { summary: "done" } }] }, 3);
    expect(finished).toBe(true);
  });

  test("counts for a role that only hands in also when it says something else", async () => {
    const prompt = { system: "s", first: "Plan.", tools: [], forceTool: "finish", maxTurns: 4 };
    await db.agentRun.updateMany({ where: { jobId: job.id }, data: { role: "planner", prompt } });
    await say({ text: "I would rather talk." });
    expect((await say({ text: "And talk." }, 2)).nudge).toMatch(/begin afresh/);
    const { finished } = await say({ text: 'Here:\n```json\n{"spec": "# A\n\n## Tasks\n"}\n```' }, 3);
    expect(finished).toBe(true);
  });
});

test("nothing of all this was written outside", () => {
  expect(existsSync("/etc/passwd/x") || existsSync("../x")).toBe(false);
});
