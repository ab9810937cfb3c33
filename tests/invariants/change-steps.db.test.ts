// The steps of a change job on a real git server: what a sandbox, a remote or a crash may do to them, and what it must
// not come to.
import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CommandResult } from "@/runner/protocol";
import type { Ctx } from "@/server/context";
import type { Db } from "@/server/db";
import { createProjectInput } from "@/server/domain/project";
import { GiveUp, Refused } from "@/server/domain/step-outcome";
import type { Job } from "@/server/generated/prisma/client";
import { knownFaults, takeBaseline } from "@/server/loop/baseline";
import { checksOf } from "@/server/loop/checks";
import { deliver } from "@/server/loop/deliver";
import { changeToDeliver, pushChange } from "@/server/loop/deliver-change";
import { checkMerge } from "@/server/loop/merge-check";
import { changedChecks } from "@/server/loop/own-checks";
import { writeAndCommit } from "@/server/loop/run-programs";
import { setUp } from "@/server/loop/set-up";
import { trialOnBase } from "@/server/loop/trial-on-base";
import { moveJob } from "@/server/services/jobs/move-job";
import { createProject } from "@/server/services/projects/create-project";
import { workspaceFiles } from "@/server/services/workspace/workspace-files";
import { driveStep } from "../support/drive-step";
import { GitServer, type ServerRepository } from "../support/git-server";
import { HandRunner, type Seen } from "../support/hand-runner";
import { addTeam, addWorkers, type Core, fileJob, reload, startCore } from "../support/settings";

const CREDENTIALS = { username: "robot", password: "tok3n-of-the-change" };
const RUN_TESTS = 'test "$(cat value.txt)" = 1 || { date +%N; exit 1; }\n';

let server: GitServer;
let core: Core;
let db: Db;
let ctx: Ctx;
let upstream: ServerRepository;
let runner: HandRunner;
let job: Job;
let name: string;
let number = 0;

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
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false } });
  name = `repo-${number++}`;
  upstream = server.create(name);
  upstream.commit({ "value.txt": "1\n", "check/run.sh": RUN_TESTS });
  await createProject({
    ctx,
    input: createProjectInput.parse({
      name,
      repository_url: server.url(name),
      username: CREDENTIALS.username,
      token: CREDENTIALS.password,
      lint_command: "sh check/run.sh",
      test_command: "sh check/run.sh",
    }),
  });
});
afterEach(() => runner?.stop());

const ref = () => ({ job: job.publicId, run: job.run });

/** A job with its base in its sandbox. */
async function begin(answer: (seen: Seen) => Partial<CommandResult> | null = () => null): Promise<void> {
  await fileJob(ctx, { project: name });
  const [worker = ""] = await addWorkers(db, 1);
  runner = new HandRunner(db, worker);
  job = await runner.claim();
  runner.serve(() => true, answer);
  await driveStep(() => setUp(db, ref()));
  job = await reload(db, job);
}

async function write(path: string, content: string): Promise<void> {
  const spec = {
    kind: "exec" as const,
    argv: ["sh", "-c", 'mkdir -p "$(dirname -- "$0")"; cat > "$0"', path],
    cwd: ".",
    env: {},
    stdin: content,
    timeout_ms: 60_000,
    max_output_bytes: 1_000,
    live: false,
  };
  const key = `write ${path} ${number++}`;
  await driveStep(() =>
    writeAndCommit(db, job, { write: { key, spec }, commit: { key: `${key} commit`, message: path } }),
  );
  job = await reload(db, job);
}

const approve = () =>
  db.$transaction(async (tx) => {
    for (const move of ["loop_green", "passed"] as const)
      await moveJob(tx, { job: job.id, move, actor: "factory" });
  });

const thrownBy = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => null,
    (error: unknown) => error,
  );
const isApply = ({ spec }: Seen) => spec.kind === "exec" && spec.argv.join(" ").includes("git apply");

describe("what is known of the base", () => {
  test("is not asked of a sandbox that still has the change in it", async () => {
    await begin((seen) => (isApply(seen) ? { exit_code: 1, stderr: "patch does not apply" } : null));
    await write("value.txt", "2\n");
    const error = await thrownBy(driveStep(() => takeBaseline(db, ref())));
    expect(error).toBeInstanceOf(GiveUp);
    expect(error).toMatchObject({ message: expect.stringContaining("does not apply") });
    expect([...(await knownFaults(db, job)).tests]).toEqual([]);
  });

  test("nor of one that could not be filled", async () => {
    await begin(({ spec }) =>
      spec.kind === "reset" && job?.headCommit !== job?.baseRoot
        ? { exit_code: null, failure: "no space left" }
        : null,
    );
    await write("value.txt", "2\n");
    expect(await thrownBy(driveStep(() => takeBaseline(db, ref())))).toMatchObject({
      code: "workspace",
      message: expect.stringContaining("no space left"),
    });
  });

  test("leaves nothing in the sandbox that the base's own programs have made", async () => {
    await begin();
    await driveStep(() => takeBaseline(db, ref()));
    const kinds = runner.seen.map(({ spec }) => spec.kind);
    expect(kinds.lastIndexOf("reset")).toBeGreaterThan(kinds.lastIndexOf("exec"));
    // And is run once: a sandbox that was filled anew on purpose is none that was lost.
    expect(await db.command.count({ where: { jobId: job.id, key: { endsWith: "#2" } } })).toBe(0);
  });

  test("is no excuse for a shell line that tests everything; its lint is known by its end alone", async () => {
    upstream.commit({ "value.txt": "0\n" });
    await begin();
    expect(await driveStep(() => takeBaseline(db, ref()))).toEqual({ tests: 1, problems: 1 });
    const known = await knownFaults(db, job);
    expect([...known.tests]).toEqual([]);
    expect([...known.lint.keys()]).toEqual(["lint command\n\nexit-code"]);
  });
});

describe("the proof on the base", () => {
  test("shows nothing in a sandbox that still has the change in it, and is asked for unless nothing is to change", async () => {
    await begin();
    await write("value.txt", "2\n");
    const trial = async () => trialOnBase(job, await workspaceFiles(job), await checksOf(db, job));
    const asked = await trial();
    const ended = (exit_code: number) => ({ exit_code, stdout: "", stderr: "" }) as CommandResult;
    const results = asked?.commands.map(() => ended(0)) ?? [];
    expect(asked?.read(results)?.[0]?.tests.map(({ outcome }) => outcome)).toEqual(["passed"]);
    // Of the first two commands one fills the sandbox and one takes the change out of it.
    for (const at of [0, 1]) expect(asked?.read(results.with(at, ended(1)))).toBeNull();
    job = { ...job, behaviourUnchanged: true };
    expect(await trial()).toBeNull();
  });
});

test("a change of what a shell line runs is told, one of the program or of its tests is not", async () => {
  await begin();
  const checks = await checksOf(db, job);
  await write("value.txt", "2\n");
  await write("tests/value.sh", "true\n");
  expect(await changedChecks(job, checks)).toEqual([]);
  await write("check/run.sh", "exit 0\n");
  expect(await changedChecks(job, checks)).toEqual(["check/run.sh"]);
});

test("a mark of a conflict is seen wherever it stands, and no text about conflicts is taken for one", async () => {
  const about = "How to merge:\n<<<<<<< HEAD\n=======\n>>>>>>> other\n";
  const mark = `<<<<<<< ${"a".repeat(40)}\n`;
  await begin();
  await write("about.md", about);
  expect(await checkMerge(db, job, 2, 1)).toBe(true);
  await write("long.txt", `${"a line\n".repeat(200_000)}${mark}`);
  expect(await checkMerge(db, job, 2, 2)).toBe(false);
});

describe("the branch", () => {
  const push = async () => {
    job = await reload(db, job);
    const change = await changeToDeliver(db, job);
    const branch = `fabrica/${job.publicId}`;
    await db.delivery.createMany({
      data: { jobId: job.id, run: job.run, target: "branch", commit: change.tip, path: branch },
      skipDuplicates: true,
    });
    await pushChange(db, job, change, branch);
    return { tip: change.tip, branch };
  };
  const nextRun = async (content: string) => {
    await db.job.update({ where: { id: job.id }, data: { run: { increment: 1 } } });
    job = await reload(db, job);
    await write("value.txt", content);
  };

  test("that a run pushed before it died is replaced by the next run", async () => {
    await begin();
    await write("value.txt", "2\n");
    const first = await push();
    expect(await push()).toEqual(first);
    await nextRun("3\n");
    const second = await push();
    expect(second.tip).not.toBe(first.tip);
    expect(upstream.tip(second.branch)).toBe(second.tip);
  });

  test("that was merged and removed is pushed again", async () => {
    await begin();
    await write("value.txt", "2\n");
    const { branch } = await push();
    upstream.git(["update-ref", "-d", `refs/heads/${branch}`]);
    await nextRun("3\n");
    const second = await push();
    expect(upstream.tip(branch)).toBe(second.tip);
  });

  test("that somebody else has put there is left alone", async () => {
    await begin();
    await write("value.txt", "2\n");
    const { branch } = await push();
    upstream.commit({ "note.txt": "mine\n" }, { branch });
    const theirs = upstream.tip(branch);
    await nextRun("3\n");
    expect(await thrownBy(push())).toBeInstanceOf(Refused);
    expect(upstream.tip(branch)).toBe(theirs);
  });
});

test("a repository with a file larger than what a new project may have is delivered whole", async () => {
  upstream.commit({ "large.bin": Buffer.alloc(21 * 1024 * 1024) });
  await begin();
  await write("value.txt", "2\n");
  await approve();
  await deliver(db, ref());
  job = await reload(db, job);
  expect(job.state).toBe("completed");
  expect(existsSync(join(job.outputPath as string, "large.bin"))).toBe(true);
});

test("names that shells and patches stumble over are taken away and delivered as they are", async () => {
  const names = ["-x", 'a "b".txt', "sp ace/ü.txt", "it's", ":(glob)*.txt", "crlf.txt", "end"];
  upstream.commit({
    ...Object.fromEntries(names.map((path) => [path, "1\r\n2"])),
    // Red unless every file is as the base has it.
    "check/run.sh": "grep -L 3 -- -x a* sp*/* it* :* crlf* end | wc -l | grep -qx 7\n",
    "latin.txt": Buffer.from([0xe9, 10]),
  });
  await begin();
  for (const path of names) await write(`./${path}`, "1\r\n3");
  const { tests } = await driveStep(() => takeBaseline(db, ref()));
  expect(tests).toBe(0);
  await approve();
  await deliver(db, ref());
  const branch = `fabrica/${job.publicId}`;
  for (const path of names)
    expect(execFileSync("git", ["show", `${branch}:${path}`], { cwd: upstream.dir }).toString()).toBe(
      "1\r\n3",
    );
});
