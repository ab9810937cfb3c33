// Work on existing repositories, whole: a real git server with a password, a project, a change job whose model is a
// script, and what comes back as a branch. Nothing of the repository is made for Fabrica.
import { execFileSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { type JobView, jobDetailView } from "@/server/domain/outputs";
import { projectView } from "@/server/domain/project";
import { ROLES } from "@/server/domain/roles";
import { type RunningModel, startScriptedModel } from "../eval/scripted-model";
import type { EvalTask } from "../eval/task";
import { GitServer, type ServerRepository } from "../support/git-server";
import { Factory } from "./factory";
import { submit, untilJob } from "./jobs";

const PASSWORD = "s3cret-canary-word";
const LIMIT_MS = 120_000;
const BROKEN = '"""Sums."""\n\n\ndef total(numbers):\n    return sum(numbers) or 1\n';
const RED_BEFORE = `import unittest


class OldTest(unittest.TestCase):
    def test_green(self):
        self.assertTrue(True)

    def test_red_since_long(self):
        self.assertEqual(1, 2)
`;
const NEW_TEST = `import unittest

from sums.total import total


class EmptyTest(unittest.TestCase):
    def test_nothing(self):
        self.assertEqual(total([]), 0)

    def test_some(self):
        self.assertEqual(total([1, 2]), 3)
`;
const TEACHES_NOTHING = NEW_TEST.replace("total([]), 0", "total([4]), 4");

const task = (title: string, content: string): EvalTask => ({
  name: "sums",
  stack: "python",
  source: { debian: "none", version: "0" },
  title,
  description: "total([]) gives 1.",
  inject: [{ file: "sums/total.py", find: "sum(numbers)", replace: "sum(numbers) or 1" }],
  addTest: [{ file: "tests/test_empty.py", content }],
  suite: ["tests"],
});
const MEND = task("The sum of nothing is wrong", NEW_TEST);
const CLAIM = task("The sum is said to be mended and tested", TEACHES_NOTHING);

let git: GitServer;
let model: RunningModel;
let factory: Factory;
let upstream: ServerRepository;
let number = 0;
let name = "";

beforeAll(async () => {
  git = await GitServer.start({ credentials: { username: "robot", password: PASSWORD } });
  model = await startScriptedModel([MEND, CLAIM]);
  factory = await Factory.start({
    env: {
      GIT_REMOTES: git.origin,
      ANTHROPIC_API_KEY: "test",
      ANTHROPIC_BASE_URL: model.url,
      LOG_LEVEL: "debug",
    },
  });
}, 180_000);
afterAll(async () => {
  await factory?.stop();
  await model?.stop();
  await git?.stop();
}, 60_000);

beforeEach(() => {
  name = `sums-${++number}`;
  upstream = git.create(name);
  upstream.commit({
    "README.md": "# Sums\n",
    "sums/__init__.py": "",
    "sums/total.py": BROKEN,
    "tests/__init__.py": "",
    "tests/test_old.py": RED_BEFORE,
  });
});
afterEach(() => {
  // Whatever happened: the password is in no log and no answer.
  expect(factory.log()).not.toContain(PASSWORD);
});

async function addProject(more: Record<string, unknown> = {}): Promise<void> {
  const made = await factory.client.call("POST", "/api/v1/projects", projectView, {
    name,
    repository_url: git.url(name),
    username: "robot",
    token: PASSWORD,
    ...more,
  });
  expect(JSON.stringify(made)).not.toContain(PASSWORD);
}

const roles = (provider: string) => Object.fromEntries(ROLES.map((role) => [role, provider]));

const change = (which: EvalTask, more: Record<string, unknown> = {}) =>
  submit(factory, {
    title: which.title,
    description: which.description,
    spec: undefined,
    tech_stack: undefined,
    project: name,
    models: roles("anthropic/claude-sonnet-4-6"),
    ...more,
  });
const ended = (id: string): Promise<JobView> =>
  untilJob(factory, id, ({ status }) => ["completed", "escalated", "failed"].includes(status), LIMIT_MS);
const detailOf = (id: string) => factory.client.call("GET", `/api/v1/jobs/${id}/detail`, jobDetailView);
const show = (branch: string, path: string) => upstream.git(["show", `${branch}:${path}`]);

describe("a change", () => {
  it("comes back as a branch on the real base, proven against it, with a patch that applies", async () => {
    await addProject();
    const base = upstream.tip();
    const id = await change(MEND);
    const job = await ended(id);
    expect(job, factory.log()).toMatchObject({
      status: "completed",
      kind: "change",
      project: name,
      base_branch: "main",
      base_commit: base,
      tech_stack: ["python"],
      branch: `fabrica/${id}`,
    });
    expect(show(job.branch as string, "sums/total.py")).toBe(BROKEN.replace(" or 1", "").trim());
    expect(show(job.branch as string, "tests/test_empty.py")).toBe(NEW_TEST.trim());
    // It stands on the base itself, and nothing of the factory's own is in it.
    expect(upstream.git(["merge-base", "main", job.branch as string])).toBe(base);
    expect(upstream.git(["ls-tree", "-r", "--name-only", job.branch as string]).split("\n")).toEqual([
      "README.md",
      "sums/__init__.py",
      "sums/total.py",
      "tests/__init__.py",
      "tests/test_empty.py",
      "tests/test_old.py",
    ]);
    expect(upstream.git(["rev-parse", "main"])).toBe(base);
    expect(job.changes?.files.map(({ path }) => path).sort()).toEqual([
      "sums/total.py",
      "tests/test_empty.py",
    ]);
    const { checks, deliveries } = await detailOf(id);
    const before = checks.find(({ key }) => /^baseline\/.*\/test$/.test(key));
    expect(before?.passed).toBe(false);
    expect(checks.find(({ key }) => key === "verify")?.passed).toBe(true);
    expect(deliveries.map(({ target }) => target).sort()).toEqual([
      "branch",
      "bundle",
      "folder",
      "patch",
      "zip",
    ]);
    const folder = mkdtempSync(join(tmpdir(), "fabrica-patch-"));
    try {
      execFileSync("git", ["clone", "-q", upstream.dir, "."], { cwd: folder, stdio: "pipe" });
      const pathOf = (target: string) => deliveries.find((one) => one.target === target)?.path as string;
      execFileSync("git", ["apply", pathOf("patch")], { cwd: folder, stdio: "pipe" });
      expect(readFileSync(join(folder, "tests/test_empty.py"), "utf8")).toBe(NEW_TEST);
      execFileSync("git", ["fetch", "-q", pathOf("bundle"), `fabrica/${id}`], { cwd: folder, stdio: "pipe" });
      expect(existsSync(join(pathOf("folder"), "sums/total.py"))).toBe(true);
      expect(existsSync(join(pathOf("folder"), ".fabrica"))).toBe(false);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }, 240_000);

  it("whose tests pass without it as well is not believed", async () => {
    await addProject();
    const job = await ended(await change(CLAIM));
    expect(job.status).toBe("escalated");
    expect(job.error_message).toContain("tests prove the change");
    expect(upstream.git(["branch", "--list"])).toBe("* main");
  }, 240_000);

  it("that is to alter nothing that a test could see need not show it", async () => {
    await addProject();
    const job = await ended(await change(CLAIM, { behaviour_unchanged: true }));
    expect(job.status, job.error_message ?? "").toBe("completed");
  }, 240_000);

  it("is merged with a base that moved meanwhile, and proven again on it", async () => {
    await addProject({
      test_command: "sleep 1; python3 -m unittest discover -s tests -t . -k Empty -k green",
    });
    const id = await change(MEND);
    await untilJob(factory, id, ({ base_commit }) => base_commit !== null, LIMIT_MS);
    const moved = upstream.commit({ "NEWS.md": "Something else happened.\n" }, { message: "News" });
    const job = await ended(id);
    expect(job.status, job.error_message ?? "").toBe("completed");
    expect(job.base_commit).toBe(moved);
    expect(show(job.branch as string, "NEWS.md")).toBe("Something else happened.");
    expect(upstream.git(["merge-base", "main", job.branch as string])).toBe(moved);
  }, 240_000);
});

describe("with no key at all", () => {
  const simulated = {
    models: roles("simulation/sim-1"),
    title: "Slugify a text",
    description: "A function slugify.",
  };

  it("a module and its tests are added, and nothing that was there is touched", async () => {
    await addProject();
    const job = await ended(await change(MEND, simulated));
    expect(job.status, job.error_message ?? "").toBe("completed");
    const files = job.changes?.files ?? [];
    expect(files.map(({ status }) => status)).toEqual(files.map(() => "added"));
    expect(files.some(({ path }) => path.startsWith("tests/"))).toBe(true);
  }, 240_000);

  it("conflicts with a base that moved are mended by the fixer", async () => {
    await addProject({ test_command: "sleep 1; python3 -m unittest discover -s tests -t . -k green -k lug" });
    const first = await ended(await change(MEND, simulated));
    const added = first.changes?.files.find(({ path }) => path.startsWith("sums/"))?.path as string;
    const id = await change(MEND, simulated);
    await untilJob(factory, id, ({ base_commit }) => base_commit !== null, LIMIT_MS);
    upstream.commit({ [added]: "# Somebody else was quicker.\n" });
    const job = await ended(id);
    expect(job.status, job.error_message ?? "").toBe("completed");
    const merged = show(job.branch as string, added);
    expect(merged).toContain("Somebody else was quicker");
    expect(merged).toContain("def ");
    expect(merged).not.toContain("<<<<<<<");
  }, 240_000);
});

describe("a repository that cannot be worked on ends the job with a sentence", () => {
  const failed = async (more: Record<string, unknown> = {}) => {
    const job = await ended(await change(MEND, more));
    expect(job.status).toBe("failed");
    return job.error_message ?? "";
  };

  it.each([
    ["a branch that is not there", {}, { base_branch: "gone" }, /gone/],
    ["a wrong password", { token: "wrong" }, {}, /user name|token|password|credentials/i],
  ])(
    "%s",
    async (_, ofProject, ofJob, said) => {
      await addProject(ofProject);
      expect(await failed(ofJob)).toMatch(said);
    },
    240_000,
  );

  it("nothing in it", async () => {
    name = `empty-${number}`;
    upstream = git.create(name);
    await addProject();
    expect(await failed()).toMatch(/empty|no branch/i);
  }, 240_000);

  it("a fabrica.json that cannot be read", async () => {
    upstream.commit({ "fabrica.json": '{ "version": 1, "tests": "x" }' });
    await addProject();
    expect(await failed()).toMatch(/fabrica\.json.*"tests" is not a field/);
  }, 240_000);
});

describe("the tests of record are the base's own say", () => {
  it("a file that fabrica.json protects stays as it is", async () => {
    upstream.commit({ "fabrica.json": '{ "version": 1, "protected": ["sums/"] }' });
    await addProject();
    const job = await ended(await change(MEND));
    expect(job.status).toBe("escalated");
    expect(job.error_message).toContain("protected files");
  }, 240_000);
});
