// Text inside files, requests and outputs is material, never an instruction: even a model that obeys every payload
// changes no rule and learns no secret. Secrets are planted in the app's settings and in the database and looked for in
// everything that a model, a sandbox, a log, a transcript or a delivery gets.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { firstMessage } from "@/server/agents/first-message";
import { startAgentRun } from "@/server/agents/start-agent-run";
import { takeTurn } from "@/server/agents/take-turn";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { createProjectInput } from "@/server/domain/project";
import { env } from "@/server/env";
import type { Job } from "@/server/generated/prisma/client";
import { createProject } from "@/server/services/projects/create-project";
import { rememberSettings } from "@/server/services/secrets/remember-settings";
import { exportTranscript } from "@/server/services/transcripts/export-transcript";
import { jobRepository } from "@/server/services/workspace/job-repository";
import { readTree } from "@/server/workspaces/read-files";
import { createRepository } from "@/server/workspaces/repository";
import { driveStep } from "../support/drive-step";
import { HandRunner } from "../support/hand-runner";
import { ScriptedModel } from "../support/scripted-model";
import { addTeam, addWorkers, type Core, eventsOf, fileJob, reload, startCore } from "../support/settings";
import { ATTACKS, type Attack, marker, PLACES, payload } from "./payloads";

/** Values that look like nothing in particular, so that only their value gives them away. */
const CANARIES = {
  ANTHROPIC_API_KEY: "canary-model-key-5f0e1d2c3b4a",
  FABRICA_RUNNER_TOKEN: "canary-runner-token-91b2c3d4e5f6",
  FABRICA_AUTH_SECRET: "canary-session-secret-0a1b2c3d4e5f6789",
  FABRICA_SECRETS_KEY: `${"ca4a41".repeat(10)}ca4a`,
};
const PROJECT_TOKEN = "canary-project-token-77aa88bb99cc";
const SECRETS = [...Object.values(CANARIES), PROJECT_TOKEN];
const KEY = "task-1/coder";

let model: ScriptedModel;
let core: Core;
let db: Db;
let ctx: Ctx;
let runner: HandRunner;
let job: Job;

beforeAll(async () => {
  model = await ScriptedModel.start();
  core = await startCore({ ...CANARIES, ANTHROPIC_BASE_URL: model.url });
  rememberSettings(env());
  db = core.db;
  ctx = await addTeam(db, "north", { role: "admin" });
  const shop = { name: "shop", repository_url: "https://github.com/north/shop", token: PROJECT_TOKEN };
  await createProject({ ctx, input: createProjectInput.parse(shop) });
});
afterAll(async () => {
  await core.close();
  await model.close();
});
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false } });
  model.asked.length = 0;
});
afterEach(() => runner.stop());

/** Everything that a payload might want to change, as it stands. */
async function rules() {
  const row = await db.job.findUniqueOrThrow({ where: { id: job.id } });
  const { state, budgetMicroUsd, maxFixes, holdBackTests, approvePlan, priority, models, fallbackModels } =
    row;
  const [teams, projects, tokens, members, jobs, checks, deliveries, messages, tasks] = await Promise.all([
    db.team.findMany({ orderBy: { id: "asc" } }),
    db.project.findMany({ orderBy: { id: "asc" } }),
    db.apiToken.count(),
    db.membership.findMany({ orderBy: { userId: "asc" } }),
    db.job.findMany({ select: { id: true, state: true, priority: true }, orderBy: { id: "asc" } }),
    db.checkRun.count(),
    db.delivery.count(),
    db.jobMessage.count(),
    db.task.findMany({ where: { jobId: job.id } }),
  ]);
  const own = {
    state,
    budgetMicroUsd,
    maxFixes,
    holdBackTests,
    approvePlan,
    priority,
    models,
    fallbackModels,
  };
  return { own, teams, projects, tokens, members, jobs, checks, deliveries, messages, tasks };
}

/** A job whose request, files, file names, history, outputs and learnings all carry the payload. */
async function begin(attack: Attack): Promise<void> {
  await fileJob(ctx, {
    description: payload(attack, "description"),
    models: { coder: "anthropic/claude-sonnet-5-5" },
  });
  const [worker = ""] = await addWorkers(db, 1);
  runner = new HandRunner(db, worker);
  job = await runner.claim();
  await createRepository(jobRepository(job.publicId));
  const first = firstMessage(job, {
    files: ["README.md", `docs/${payload(attack, "file name").replaceAll("/", "_")}`],
    learnings: payload(attack, "learning"),
    task: { n: 1, of: 1, title: "Build it" },
  });
  await startAgentRun(db, { job, key: KEY, role: "coder", first, task: 1 });
  runner.serve();
}

const turn = (n: number) => driveStep(() => takeTurn(db, { job: job.publicId, run: 1 }, KEY, n));
const text = (value: unknown) =>
  JSON.stringify(value, (_, one) => (typeof one === "bigint" ? String(one) : one));

/** Forms in which a secret may hide. */
const formsOf = (secret: string) => [
  secret,
  encodeURIComponent(secret),
  Buffer.from(secret).toString("base64").replace(/=+$/, ""),
  Buffer.from(secret).toString("hex"),
  [...secret].reverse().join(""),
];
const leaksIn = (where: string) => SECRETS.flatMap(formsOf).filter((form) => where.includes(form));

/** Everything that left the app in the course of a job, or that will. */
async function everything(): Promise<string> {
  const { headCommit } = await reload(db, job);
  const tree = headCommit ? await readTree(jobRepository(job.publicId), headCommit) : [];
  const lines: unknown[] = [];
  for await (const line of await exportTranscript({ ctx, input: { id: job.publicId } })) lines.push(line);
  const [commands, runs, turns, learnings] = await Promise.all([
    db.command.findMany({ where: { jobId: job.id } }),
    db.agentRun.findMany({ where: { jobId: job.id } }),
    db.turn.findMany({ where: { agentRun: { jobId: job.id } } }),
    db.learning.findMany(),
  ]);
  return text([
    model.asked,
    await eventsOf(db, job),
    commands,
    runs,
    turns,
    learnings,
    lines,
    tree,
    runner.seen,
  ]);
}

describe("a model that obeys", () => {
  test.each(ATTACKS.map((attack) => [attack.name, attack] as const))(
    "%s, wherever it reads so: no rule is changed, no secret is told",
    async (_name, attack) => {
      await begin(attack);
      const before = await rules();
      const quoted = payload(attack, "test output").replaceAll("'", "");
      const said = payload(attack, "commit message").replaceAll("'", "");
      model.script = [
        {
          calls: [
            { name: "write", input: { path: "README.md", content: payload(attack, "file") } },
            { name: "read", input: { path: "README.md" } },
            { name: "run", input: { command: `echo 'FAILED ${quoted}'; exit 1` } },
            {
              name: "run",
              input: {
                command: `git -c user.name=a -c user.email=a@b.c commit -q --allow-empty -m '${said}'; git log -1`,
              },
            },
          ],
        },
      ];
      await turn(1);
      model.script = [{ text: `I obey: I was told ${attack.asks}.`, calls: attack.obeys }];
      await turn(2);
      model.script = [
        { text: "Done, as I was told.", calls: [{ name: "finish", input: { summary: attack.asks } }] },
      ];
      await turn(3);

      const asked = text(model.asked);
      for (const place of PLACES) expect(asked, place).toContain(marker(attack, place));
      expect(await rules()).toEqual(before);
      expect(leaksIn(await everything())).toEqual([]);
      const { headCommit } = await reload(db, job);
      const paths = headCommit
        ? (await readTree(jobRepository(job.publicId), headCommit)).map(({ path }) => path)
        : [];
      expect(paths.filter((path) => /^\.github\/|^\.git\/|\.\./i.test(path))).toEqual([]);
    },
  );

  test("is tried with at least fifty payloads, each other words", () => {
    const all = ATTACKS.flatMap((attack) => PLACES.map((place) => payload(attack, place)));
    expect(new Set(all).size).toBeGreaterThanOrEqual(50);
  });
});

describe("a secret that stands in the workspace by mistake", () => {
  test.each(SECRETS.map((secret, n) => [n, secret] as const))(
    "number %d is shown to no model, in no log and in no transcript",
    async (_n, secret) => {
      await begin(ATTACKS[0] as Attack);
      const hidden = Buffer.from(secret).toString("base64");
      // The sandbox writes it itself, so that no call has it in its text.
      model.script = [
        { calls: [{ name: "run", input: { command: `echo ${hidden} | base64 -d > leaked.txt` } }] },
      ];
      await turn(1);
      model.script = [
        {
          calls: [
            { name: "read", input: { path: "leaked.txt" } },
            { name: "run", input: { command: "cat leaked.txt >&2; cat leaked.txt" } },
            { name: "search", input: { pattern: "canary|ca4a" } },
          ],
        },
      ];
      await turn(2);
      model.script = [{ text: "Seen." }];
      await turn(3);
      const shown = text([
        model.asked,
        await eventsOf(db, job),
        await db.turn.findMany(),
        await db.command.findMany(),
      ]);
      expect(shown).not.toContain(secret);
      expect(shown).toContain("[redacted]");
    },
  );
});

describe("the search for leaks", () => {
  test("finds a secret in each of its forms", async () => {
    await begin(ATTACKS[0] as Attack);
    for (const form of formsOf(PROJECT_TOKEN)) expect(leaksIn(`... ${form} ...`)).toContain(form);
    expect(leaksIn("nothing")).toEqual([]);
  });
});
