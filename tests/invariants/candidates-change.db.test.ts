// Best of N on an existing repository: every candidate stands on the base that its parent has taken, is judged by what
// is known of that base, and the best one's work is delivered from the parent onto whatever the branch is by then.
import { execFileSync } from "node:child_process";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { createProjectInput } from "@/server/domain/project";
import type { Job } from "@/server/generated/prisma/client";
import { knownFaults, takeBaseline } from "@/server/loop/baseline";
import { bringInBase } from "@/server/loop/bring-in-base";
import { endCandidate, splitIntoCandidates } from "@/server/loop/candidates";
import { takeBestCandidate } from "@/server/loop/candidates-choice";
import { deliver } from "@/server/loop/deliver";
import { writePlan } from "@/server/loop/plan";
import { writeAndCommit } from "@/server/loop/run-programs";
import { setUp } from "@/server/loop/set-up";
import { moveAlone } from "@/server/services/jobs/move-job";
import { createProject } from "@/server/services/projects/create-project";
import { workspaceText } from "@/server/services/workspace/workspace-files";
import { driveStep } from "../support/drive-step";
import { GitServer, type ServerRepository } from "../support/git-server";
import { HandRunner } from "../support/hand-runner";
import { addTeam, addWorkers, type Core, fileJob, reload, startCore } from "../support/settings";

const CREDENTIALS = { username: "robot", password: "tok3n-of-the-candidates" };
const SPEC = "# Value\n\n- [ ] Raise the value\n";
let server: GitServer;
let core: Core;
let db: Db;
let ctx: Ctx;
let upstream: ServerRepository;
const runners: HandRunner[] = [];

beforeAll(async () => {
  server = await GitServer.start({ credentials: CREDENTIALS });
  core = await startCore({ GIT_REMOTES: server.origin, JOB_TIMEOUT: "3600" });
  db = core.db;
  ctx = await addTeam(db, "north", { role: "admin" });
});
afterAll(async () => {
  await core.close();
  await server.stop();
});
afterEach(async () => {
  for (const runner of runners.splice(0)) await runner.stop();
});

const ref = (job: Job) => ({ job: job.publicId, run: job.run });

async function work(): Promise<Job> {
  const [worker = ""] = await addWorkers(db, 1);
  const runner = new HandRunner(db, worker);
  runners.push(runner);
  const job = await runner.claim();
  runner.serve();
  return job;
}

/** A candidate up to its validation, with a file changed. */
async function workOut(path: string, content: string): Promise<Job> {
  const job = await work();
  await driveStep(() => setUp(db, ref(job)));
  await driveStep(() => writePlan(db, ref(job)));
  const spec = {
    kind: "exec" as const,
    argv: ["sh", "-c", 'cat > "$0"', path],
    cwd: ".",
    env: {},
    stdin: content,
    timeout_ms: 60_000,
    max_output_bytes: 1_000,
    live: false,
  };
  await driveStep(async () =>
    writeAndCommit(db, await reload(db, job), {
      write: { key: "write", spec },
      commit: { key: "commit", message: path },
    }),
  );
  await moveAlone(db, { job: job.id, move: "loop_green", actor: "factory" });
  return reload(db, job);
}

test("a change is worked out twice on one base, and the best is delivered onto the branch as it is by then", async () => {
  upstream = server.create("value");
  // Its tests fail before the change, which is known of the base.
  upstream.commit({ "value.txt": "1\n", "other.txt": "1\n", "check.sh": 'test "$(cat value.txt)" -gt 1\n' });
  const base = upstream.tip();
  await createProject({
    ctx,
    input: createProjectInput.parse({
      name: "value",
      repository_url: server.url("value"),
      username: CREDENTIALS.username,
      token: CREDENTIALS.password,
      lint_command: "sh check.sh",
      test_command: "sh check.sh",
    }),
  });
  await fileJob(ctx, { project: "value", candidates: 2, spec: SPEC, files: ["value.txt"] });
  let parent = await work();
  await driveStep(() => setUp(db, ref(parent)));
  expect(await driveStep(() => takeBaseline(db, ref(parent)))).toEqual({ tests: 1, problems: 1 });
  await driveStep(() => writePlan(db, ref(parent)));
  await splitIntoCandidates(db, ref(parent)).catch(() => undefined);
  parent = await reload(db, parent);
  expect(parent).toMatchObject({ state: "paused", waitingCode: "children", baseCommit: base });
  // The branch moves on while they work; they do not.
  upstream.commit({ "other.txt": "2\n" });
  const first = await workOut("value.txt", "2\n3\n4\n");
  const second = await workOut("value.txt", "2\n");
  for (const one of [first, second]) {
    expect(one).toMatchObject({ baseCommit: base, baseRoot: parent.baseRoot, projectId: parent.projectId });
    expect(await workspaceText(one, "other.txt")).toBe("1\n");
    expect((await knownFaults(db, one)).lint).toEqual((await knownFaults(db, parent)).lint);
    expect((await knownFaults(db, one)).lint.size).toBe(1);
    await endCandidate(db, one, true, "");
  }
  expect(await takeBestCandidate(db, ref(parent))).toEqual({ chosen: 2 });
  parent = await reload(db, parent);
  expect(parent.headCommit).toBe(second.headCommit);
  expect(await bringInBase(db, ref(parent), 1)).toEqual({ task: 2 });
  const merged = await reload(db, parent);
  // Steps whose results an engine had not stored before it died run again: what was taken is not taken back.
  expect(await takeBestCandidate(db, ref(parent))).toEqual({ chosen: 2 });
  expect(await bringInBase(db, ref(parent), 1)).toEqual({ task: 2 });
  parent = await reload(db, parent);
  expect(parent.headCommit).toBe(merged.headCommit);
  expect([await workspaceText(parent, "value.txt"), await workspaceText(parent, "other.txt")]).toEqual([
    "2\n",
    "2\n",
  ]);
  for (const move of ["loop_green", "passed"] as const)
    await moveAlone(db, { job: parent.id, move, actor: "factory" });
  await deliver(db, ref(parent));
  const branch = `fabrica/${parent.publicId}`;
  const show = (path: string) =>
    execFileSync("git", ["show", `${branch}:${path}`], { cwd: upstream.dir }).toString();
  expect([show("value.txt"), show("other.txt")]).toEqual(["2\n", "2\n"]);
  const branches = execFileSync("git", ["branch", "--list", "fabrica/*"], { cwd: upstream.dir }).toString();
  expect(branches.trim().split("\n")).toHaveLength(1);
});
