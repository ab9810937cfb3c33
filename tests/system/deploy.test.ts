// Deploy bundles through the whole factory: written, refused, mended and delivered with the tree; their health check knows
// whether the really delivered program runs. What never gets right is for a person.
import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { type JobDetailView, jobDetailView } from "@/server/domain/outputs";
import { projectView } from "@/server/domain/project";
import { freePort } from "@/tests/support/listen-apart";
import { GitServer } from "../support/git-server";
import { Factory } from "./factory";
import { simulated, submit, untilJob } from "./jobs";

const LIMIT_MS = 600_000;
const BLOG = { title: "Blog API", description: "", features: ["Posts"], spec: undefined };

let factory: Factory;
let git: GitServer;
const children: ChildProcess[] = [];
beforeAll(async () => {
  git = await GitServer.start();
  factory = await Factory.start({ workers: 2, env: { GIT_REMOTES: git.origin } });
}, 180_000);
afterEach(async () => {
  for (const child of children.splice(0)) {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }
});
afterAll(async () => {
  await factory?.stop();
  await git?.stop();
}, 60_000);

const detailOf = (id: string): Promise<JobDetailView> =>
  factory.client.call("GET", `/api/v1/jobs/${id}/detail`, jobDetailView);

const bundleChecks = ({ checks }: JobDetailView) =>
  checks.filter(({ kind }) => kind === "deploy").map(({ key, passed }) => [key, passed]);

const SCRIPTS = ["deploy.sh", "rollback.sh", "health-check.sh"];

/** Starts the service that was delivered; whoever asks it has to wait until it answers. */
function start(folder: string, [program = "", ...words]: string[], port: number): void {
  const args = [...words, "--host", "127.0.0.1", "--port", String(port)];
  children.push(spawn(program, args, { cwd: folder, stdio: ["ignore", "ignore", "inherit"] }));
}

/** How a script of the bundle ended. */
const run = (folder: string, script: string, port: number, tries: number) =>
  spawnSync(join(folder, "deploy", script), [], {
    env: { ...process.env, PORT: String(port), HEALTH_TRIES: String(tries) },
    encoding: "utf8",
    timeout: 60_000,
  });

describe("a deploy bundle", () => {
  it.each([
    ["python", ["python3", "-m", "app"], 1],
    ["node", ["node", "src/index.js"], 2],
  ] as const)(
    "of a service in %s is delivered with it, and its health check tells the truth",
    async (stack, command, candidates) => {
      const id = await submit(factory, {
        ...BLOG,
        tech_stack: stack,
        candidates,
        deploy_targets: ["docker-compose", "systemd"],
        models: { ...simulated("sim-1"), deployer: "simulation/sim-1+deploy@1" },
      });
      await untilJob(factory, id, (job) => job.status === "completed", LIMIT_MS);
      const detail = await detailOf(id);
      expect(detail.job.deploy_targets).toEqual(["docker-compose", "systemd"]);
      expect(bundleChecks(detail)).toEqual([
        ["deploy/check-1", false],
        ["deploy/check-2", true],
        ["verify/deploy", true],
      ]);
      expect(JSON.stringify(detail.checks.find(({ key }) => key === "deploy/check-1")?.report)).toContain(
        "privileged: true",
      );
      expect(detail.spend.find(({ role }) => role === "deployer")?.calls).toBeGreaterThan(1);
      const folder = detail.job.output_path ?? "";
      for (const target of ["docker-compose", "systemd"])
        for (const script of SCRIPTS)
          expect(spawnSync("sh", ["-n", join(folder, "deploy", target, script)]).status).toBe(0);
      expect(readFileSync(join(folder, "deploy/docker-compose/docker-compose.yml"), "utf8")).not.toContain(
        "privileged",
      );

      const port = await freePort();
      expect(run(folder, "systemd/health-check.sh", port, 1).status).toBe(1);
      start(folder, [...command], port);
      for (const target of ["docker-compose", "systemd"])
        expect(run(folder, `${target}/health-check.sh`, port, 10)).toMatchObject({ status: 0 });
    },
    LIMIT_MS,
  );

  it(
    "of somebody else's project comes with its branch, beside what that has there already",
    async () => {
      const upstream = git.create("words");
      upstream.commit({
        "package.json": '{"name":"words","type":"module","scripts":{"test":"node --test"}}\n',
        "src/words.js": "export const words = (text) => text.split(/\\s+/).filter(Boolean);\n",
        "test/words.test.js":
          'import assert from "node:assert/strict";\nimport { test } from "node:test";\nimport { words } from "../src/words.js";\n\ntest("words", () => {\n  assert.deepEqual(words("a b"), ["a", "b"]);\n});\n',
        "migrations/001_init.sql": "CREATE TABLE word (text text);\n",
        "deploy/systemd/words.conf": "# ours\n",
        "deploy/old/run.sh": "docker run --privileged words\n",
      });
      const project = { name: "words", repository_url: git.url("words") };
      await factory.client.call("POST", "/api/v1/projects", projectView, project);
      const id = await submit(factory, {
        title: "Slugs of texts",
        description: "",
        features: ["Slugify"],
        spec: undefined,
        tech_stack: undefined,
        project: "words",
        deploy_targets: ["systemd"],
        models: simulated("sim-1"),
      });
      const job = await untilJob(factory, id, (one) => one.status === "completed", LIMIT_MS);
      const tree = upstream.git(["ls-tree", "-r", job.branch ?? "", "deploy/"]);
      const files = tree
        .split("\n")
        .filter(Boolean)
        .map((line) => `${line.slice(0, 6)} ${line.split("\t")[1]}`);
      expect(files).toEqual([
        "100644 deploy/old/run.sh",
        "100644 deploy/systemd/README.md",
        "100755 deploy/systemd/deploy.sh",
        "100755 deploy/systemd/health-check.sh",
        "100755 deploy/systemd/migrate.sh",
        "100755 deploy/systemd/rollback.sh",
        "100644 deploy/systemd/slugs-of-texts.service",
        "100644 deploy/systemd/words.conf",
      ]);
    },
    LIMIT_MS,
  );

  it(
    "that never gets right leads to a person, and nothing is delivered",
    async () => {
      const id = await submit(factory, {
        deploy_targets: ["systemd"],
        models: { ...simulated("sim-1"), deployer: "simulation/sim-1+deploy@1+deploy@2+deploy@3" },
      });
      const job = await untilJob(factory, id, ({ status }) => status === "escalated", LIMIT_MS);
      expect(job.error_message).toContain("User=root");
      expect(job.output_path).toBeNull();
      expect(existsSync(join(factory.dataDir, "projects", id))).toBe(false);
      expect(bundleChecks(await detailOf(id))).toEqual([1, 2, 3].map((n) => [`deploy/check-${n}`, false]));
    },
    LIMIT_MS,
  );
});
