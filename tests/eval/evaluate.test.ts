// The way of a task from the archive to the judgement: a real git server, a real suite, and in place of the factory a
// stand-in for its REST API that pushes what the case says. The package is made up; nothing is fetched.
import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { ApiClient } from "@/cli/client/api";
import type { JobView } from "@/server/domain/outputs";
import type { ProjectView } from "@/server/domain/project";
import { type Files, GitServer, type ServerRepository } from "../support/git-server";
import { CleanPlace } from "./clean-place";
import { evaluate, type Place } from "./evaluate";
import { edited, mendOf, type PackageTask } from "./task";

const ACCESS = { username: "eva", password: "a secret" };
const RELEASED = "def total(numbers):\n    return sum(numbers)\n";
const SUITE = `import unittest

import total


class TotalTest(unittest.TestCase):
    def test_some(self):
        self.assertEqual(total.total([1, 2]), 3)

    def test_none(self):
        self.assertEqual(total.total([]), 0)

    def test_of_another_machine(self):
        self.fail("fails everywhere")
`;
const TASK: PackageTask = {
  name: "total",
  stack: "python",
  source: { debian: "none", version: "0" },
  title: "The sum of nothing is wrong",
  description: "total([]) gives 1.",
  inject: [{ file: "total.py", find: "sum(numbers)", replace: "sum(numbers) or 1" }],
  addTest: [],
  suite: ["tests"],
  hidden: ["tests/test_total.py"],
  redBefore: true,
};
const mended = mendOf(TASK).reduce(edited, TASK.inject.reduce(edited, RELEASED));

let base: string;
let clean: CleanPlace;
let archive: string;
let server: GitServer;
let repository: ServerRepository;
beforeAll(async () => {
  base = mkdtempSync(join(tmpdir(), "fabrica-evaluate-"));
  for (const [file, text] of Object.entries({
    "total.py": RELEASED,
    "tests/test_total.py": SUITE,
    "tests/test_import.py":
      "import unittest\n\n\nclass ImportTest(unittest.TestCase):\n    def test_it(self):\n        import total\n",
  })) {
    mkdirSync(dirname(join(base, "total-1", file)), { recursive: true });
    writeFileSync(join(base, "total-1", file), text);
  }
  archive = join(base, "total.tar");
  execFileSync("tar", ["-cf", archive, "-C", base, "total-1"]);
  server = await GitServer.start({ credentials: ACCESS });
  clean = await CleanPlace.open();
});
afterAll(async () => {
  await server.stop();
  await clean.close();
  rmSync(base, { recursive: true, force: true });
});

/** A stand-in for the factory: each job ends at once, with this change on its branch, or without a branch. */
async function evaluated(change: Files | null, job: Partial<JobView> = {}, limitMs = 60_000) {
  repository = server.create(`total-${Math.random().toString(36).slice(2)}`);
  const name = repository.dir
    .split("/")
    .at(-1)
    ?.replace(/\.git$/, "") as string;
  const asked: Record<string, unknown>[] = [];
  const api = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      const body = Buffer.concat(chunks).toString("utf8");
      if (body) asked.push(JSON.parse(body));
      if (request.url === "/api/v1/jobs" && change) {
        repository.git(["branch", "fabrica/JOB-1", "main"]);
        repository.commit(change, { branch: "fabrica/JOB-1" });
      }
      response.setHeader("content-type", "application/json");
      response.end(JSON.stringify(answerTo(request.url ?? "", { ...JOB, ...job })));
    });
  });
  await new Promise<void>((resolve) => api.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(api.address() as AddressInfo).port}`;
  const place: Place = {
    client: new ApiClient({ url, token: "token", username: null, password: null }),
    git: { url: () => server.url(name), access: ACCESS },
    request: { max_fixes: 3 },
    limitMs,
  };
  try {
    return { result: await evaluate(place, clean, TASK, archive, join(base, name)), asked };
  } finally {
    api.closeAllConnections();
    await new Promise((resolve) => api.close(resolve));
  }
}

it("resolves with the mend, whatever failed before, and says what it cost", async () => {
  const { result, asked } = await evaluated({ "total.py": mended });
  expect(result).toEqual({
    task: "total",
    job: "JOB-1",
    stack: "python",
    kind: "change",
    status: "completed",
    failure: null,
    refused: null,
    fixes: 1,
    firstRuns: 2,
    firstGreen: 1,
    costUsd: 0.25,
    turns: 7,
    minutes: 1.5,
  });
  expect(asked).toEqual([
    expect.objectContaining({
      repository_url: server.url(repository.dir.split("/").at(-1)?.replace(".git", "") ?? ""),
      username: "eva",
      token: "a secret",
    }),
    expect.objectContaining({
      title: TASK.title,
      tech_stack: "python",
      max_fixes: 3,
      project: expect.stringMatching(/^eval-total-/),
    }),
  ]);
  expect(repository.git(["show", "main:total.py"])).toContain("or 1");
  expect(repository.git(["ls-tree", "-r", "--name-only", "main"])).not.toContain("test_total.py");
});

it.each<[string, Files | null, string]>([
  [
    "the bug still there",
    { "notes.md": "Nothing found.\n" },
    "1 failed, such as tests/test_total.py::TotalTest::test_none",
  ],
  ["another thing broken", { "total.py": "def total(numbers):\n    return 0\n" }, "TotalTest::test_some"],
  [
    "a test of its own that makes the others be skipped",
    { "tests/test_total.py": "import unittest\n" },
    "test_none",
  ],
  [
    "a suite that is left out",
    {
      "total.py": mended,
      "tests/test_import.py": "import os\n\nos._exit(0)\n",
      "tests/test_a.py": "import os\n\nos._exit(0)\n",
    },
    "the tests cannot be read",
  ],
  ["no branch", null, "there is no branch fabrica/JOB-1"],
])("refuses %s", async (_name, change, why) => {
  expect((await evaluated(change)).result.refused).toContain(why);
});

it.each<[string, Partial<JobView>, string, string]>([
  [
    "a failed job",
    { status: "failed", error_code: "out_of_fixes", error_message: "Still red." },
    "failed: out_of_fixes",
    "Still red.",
  ],
  [
    "one that a person is to look at",
    { status: "escalated", error_message: "No." },
    "escalated: no code",
    "No.",
  ],
  [
    "one without money",
    { status: "paused", waiting_code: "budget", waiting_reason: "Its budget is spent" },
    "waits: budget",
    "Its budget is spent",
  ],
  [
    "one that may begin tomorrow",
    { status: "pending", waiting_code: "day_budget", wakes_at: "2026-01-02T00:00:00Z" },
    "waits: day_budget",
    "still pending",
  ],
])("does not wait for %s, and judges nothing", async (_name, job, failure, why) => {
  const { result } = await evaluated({ "total.py": mended }, job);
  expect(result).toMatchObject({ status: job.status, failure, refused: expect.stringContaining(why) });
});

it("gives up a job whose time is up", async () => {
  const { result } = await evaluated({ "total.py": mended }, { status: "running" }, 1);
  expect(result).toMatchObject({
    failure: "out of time",
    refused: "it was still running when its time was up",
  });
});

function answerTo(url: string, job: JobView): unknown {
  if (url === "/api/v1/projects") return PROJECT;
  if (url.endsWith("/detail"))
    return {
      job,
      spec: null,
      tasks: [
        { n: 1, fixes: 0 },
        { n: 2, fixes: 1 },
      ],
      checks: [
        { key: "setup", passed: true },
        { key: "task-1/0/test", passed: true },
        { key: "task-2/0/test", passed: false },
        { key: "task-2/1/test", passed: true },
      ],
      files: [],
      deliveries: [],
      spend: [SPENT, { ...SPENT, calls: 2 }],
    };
  return job;
}

const SPENT = {
  role: "coder",
  provider: "simulation",
  model: "none",
  calls: 5,
  input_tokens: 1,
  output_tokens: 1,
  cached_tokens: 0,
  cost_usd: 0.1,
};
const JOB: JobView = {
  job_id: "JOB-1",
  kind: "change",
  status: "completed",
  title: TASK.title,
  description: "",
  type: null,
  features: [],
  tech_stack: ["python"],
  priority: "medium",
  run: 1,
  current_step: null,
  progress: 1,
  iterations: 1,
  worker_id: null,
  lane: "owners",
  waiting_reason: null,
  waiting_code: null,
  wakes_at: null,
  budget_usd: 1,
  cost_usd: 0.25,
  max_fixes: 1,
  branch: "fabrica/JOB-1",
  output_path: null,
  error_code: null,
  error_message: null,
  changes: null,
  test_results: null,
  depends_on: [],
  source: null,
  source_id: null,
  source_url: null,
  last_seq: 1,
  created_at: "2026-01-01T00:00:00Z",
  queued_at: null,
  started_at: null,
  completed_at: null,
  elapsed_seconds: 90,
  project: "eval-total",
  base_branch: "main",
  base_commit: null,
  behaviour_unchanged: false,
  approve_plan: false,
  candidates: 1,
  hold_back_tests: true,
  deploy_targets: [],
  agent: "factory",
  parent: null,
  candidate: null,
  approach: null,
};
const PROJECT: ProjectView = {
  name: "eval-total",
  repository_url: "http://127.0.0.1/total.git",
  default_branch: "main",
  folder: "",
  username: "eva",
  has_token: true,
  setup_command: null,
  lint_command: null,
  test_command: null,
  budget_usd: null,
  fallback_models: {},
  image: null,
  max_fixes: null,
  models: {},
  detected: null,
  checked_at: null,
  archived: false,
  open_jobs: 0,
  created_at: "2026-01-01T00:00:00Z",
};
