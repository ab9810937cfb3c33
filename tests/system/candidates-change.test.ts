// Best of N on an existing repository through the whole factory: a real git server, candidates without a key, a branch that
// moves on while they work. What comes back is one branch on the base as it is by then, whatever is killed on the way.
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { type JobView, jobDetailView } from "@/server/domain/outputs";
import { projectView } from "@/server/domain/project";
import { ROLES } from "@/server/domain/roles";
import { GitServer, type ServerRepository } from "../support/git-server";
import { Factory } from "./factory";
import { submit, untilJob } from "./jobs";

const LIMIT_MS = 600_000;
const CREDENTIALS = { username: "robot", password: "s3cret-canary-word" };
const NEWS = "Something else happened.";

let git: GitServer;
let factory: Factory;
let upstream: ServerRepository;
let number = 0;

beforeAll(async () => {
  git = await GitServer.start({ credentials: CREDENTIALS });
  factory = await Factory.start({ workers: 2, env: { GIT_REMOTES: git.origin } });
}, 180_000);
afterAll(async () => {
  await factory?.stop();
  await git?.stop();
}, 60_000);

beforeEach(async () => {
  const name = `words-${++number}`;
  upstream = git.create(name);
  upstream.commit({
    "README.md": "# Words\n",
    "words/__init__.py": "",
    "words/count.py": '"""Counts."""\n\n\ndef count(text):\n    return len(text.split())\n',
    "tests/__init__.py": "",
    "tests/test_count.py":
      "import unittest\n\nfrom words.count import count\n\n\nclass CountTest(unittest.TestCase):\n    def test_two(self):\n        self.assertEqual(count('a b'), 2)\n",
  });
  await factory.client.call("POST", "/api/v1/projects", projectView, {
    name,
    repository_url: git.url(name),
    username: CREDENTIALS.username,
    token: CREDENTIALS.password,
  });
});

const roles = (provider: string) => Object.fromEntries(ROLES.map((role) => [role, provider]));
const detailOf = (id: string) => factory.client.call("GET", `/api/v1/jobs/${id}/detail`, jobDetailView);

/** Two candidates of one change. @returns its id once they are at work */
async function begin(more: Record<string, unknown> = {}): Promise<string> {
  const id = await submit(factory, {
    title: "Slugify a text",
    description: "A function slugify.",
    spec: undefined,
    tech_stack: undefined,
    project: `words-${number}`,
    candidates: 2,
    models: roles("simulation/sim-1"),
    ...more,
  });
  await untilJob(factory, id, (job) => job.waiting_code === "children", LIMIT_MS);
  return id;
}

/** What holds for every change that came back with candidates. */
async function audit(id: string, job: JobView, moved: string): Promise<void> {
  expect(job, factory.log()).toMatchObject({
    status: "completed",
    base_commit: moved,
    branch: `fabrica/${id}`,
  });
  const branch = job.branch as string;
  expect(
    upstream.git(["for-each-ref", "--format=%(refname:short)", "refs/heads"]).split("\n").sort(),
  ).toEqual([branch, "main"].sort());
  expect(upstream.git(["merge-base", "main", branch])).toBe(moved);
  // Nothing that was there is touched, what somebody else did meanwhile stays, and nothing of the factory's own is in it.
  const changed = upstream.git(["diff", "--name-status", `main..${branch}`]).split("\n");
  expect(changed.filter((line) => !line.startsWith("A\t"))).toEqual([]);
  const added = changed.map((line) => line.slice(2));
  expect(added.some((path) => path.startsWith("words/"))).toBe(true);
  expect(added.some((path) => path.startsWith("tests/"))).toBe(true);
  expect(added.filter((path) => /^\.(fabrica|ai)\//.test(path))).toEqual([]);
  expect(upstream.git(["show", `${branch}:NEWS.md`])).toBe(NEWS);
  const { checks, candidates } = await detailOf(id);
  expect(candidates.filter(({ chosen }) => chosen)).toHaveLength(1);
  expect(checks.find(({ key }) => key === "verify/held-back")?.passed).toBe(true);
  const [books] = await factory.sql<Record<string, unknown>>(
    `SELECT (SELECT sum(cost_micro) FROM spend WHERE root_job_id = j.id)::text = j.spent_micro_usd::text AS agree,
       j.reserved_micro_usd::int AS reserved,
       (SELECT count(*)::int FROM delivery d JOIN job c ON c.id = d.job_id WHERE c.root_id = j.id AND d.target = 'branch') AS pushed,
       (SELECT count(*)::int FROM job c WHERE c.root_id = j.id AND c.lease_worker_id IS NOT NULL) AS held
     FROM job j WHERE j.public_id = $1`,
    [id],
  );
  expect(books).toEqual({ agree: true, reserved: 0, pushed: 1, held: 0 });
}

it(
  "the best of two is delivered as one branch onto the base as it is by then",
  async () => {
    const erring = { coder: "simulation/sim-1+stubborn@1", fixer: "simulation/sim-1+stubborn@1" };
    const id = await begin({ max_fixes: 1, fallback_models: erring });
    const moved = upstream.commit({ "NEWS.md": `${NEWS}\n` }, { message: "News" });
    const job = await untilJob(factory, id, ({ status }) => status === "completed", LIMIT_MS);
    await audit(id, job, moved);
    const { candidates } = await detailOf(id);
    expect(candidates.map(({ status, chosen }) => [status, chosen])).toEqual([
      ["completed", true],
      ["failed", false],
    ]);
  },
  LIMIT_MS,
);

it(
  "everything is killed when the base has just been merged: nothing of either side is lost",
  async () => {
    const id = await begin();
    const moved = upstream.commit({ "NEWS.md": `${NEWS}\n` }, { message: "News" });
    await untilJob(factory, id, ({ base_commit }) => base_commit === moved, LIMIT_MS);
    await factory.crash();
    await factory.startAgain();
    await audit(id, await untilJob(factory, id, ({ status }) => status === "completed", LIMIT_MS), moved);
  },
  LIMIT_MS,
);
