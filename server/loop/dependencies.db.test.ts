// Which layer a job asks for, who else may find it, and what people see of it.
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import type { CommandResult, LayerSpec } from "@/runner/protocol";
import { driveStep } from "@/tests/support/drive-step";
import { HandRunner, type Seen } from "@/tests/support/hand-runner";
import {
  addTeam,
  addWorkers,
  type Core,
  eventsOf,
  fileJob,
  reload,
  startCore,
} from "@/tests/support/settings";
import type { Ctx } from "../context";
import type { Db } from "../db";
import { GiveUp } from "../domain/step-outcome";
import type { Job } from "../generated/prisma/client";
import { lastLayer } from "../services/commands/last-layer";
import { jobRepository } from "../services/workspace/job-repository";
import type { DependencySettings } from "../toolchains/dependencies";
import { createRepository } from "../workspaces/repository";
import { prepareDependencies } from "./dependencies";
import { execSpec, writeAndCommit } from "./run-programs";

const SETTINGS = { folder: "", setupCommand: "npm ci --ignore-scripts" };
const KEY = "setup/dependencies";
const LAYER = { cached: false, bytes: 5_000, not_kept: null, loaded_bytes: 9_000, refused: [] };

let core: Core;
let db: Db;
let teams: Ctx[];
const runners: HandRunner[] = [];
/** What a layer is said to have come to. */
let said: Partial<CommandResult>;

beforeAll(async () => {
  core = await startCore({ JOB_TIMEOUT: "3600" });
  db = core.db;
  teams = [await addTeam(db, "north"), await addTeam(db, "south")];
});
afterAll(() => core.close());
beforeEach(async () => {
  await db.job.updateMany({ data: { claimable: false } });
  said = { layer: LAYER, duration_ms: 12_340 };
});
afterEach(async () => {
  for (const one of runners.splice(0)) await one.stop();
});

interface Begun {
  job: Job;
  runner: HandRunner;
}

/** A job whose base has a manifest and a lock file. */
async function begin(team = 0, lock = "1"): Promise<Begun> {
  const ctx = teams[team] as Ctx;
  const [worker = ""] = await addWorkers(db, 1);
  await fileJob(ctx, { tech_stack: "node" });
  const runner = new HandRunner(db, worker);
  runners.push(runner);
  const job = await runner.claim();
  await createRepository(jobRepository(job.publicId));
  runner.serve(undefined, ({ spec }: Seen) => (spec.kind === "layer" ? said : null));
  const based = await commit(job, { "package.json": "{}", "package-lock.json": lock });
  return {
    runner,
    job: await db.job.update({ where: { id: based.id }, data: { baseRoot: based.headCommit } }),
  };
}

async function commit(job: Job, files: Record<string, string>): Promise<Job> {
  for (const [path, text] of Object.entries(files)) {
    const write = {
      key: `write/${path}/${text}`,
      spec: execSpec(["sh", "-c", 'cat > "$0"', path], { stdin: text }),
    };
    await driveStep(() =>
      writeAndCommit(db, job, { write, commit: { key: `commit/${path}/${text}`, message: path } }),
    );
  }
  return reload(db, job);
}

const prepare = (job: Job, key = KEY, settings: DependencySettings = SETTINGS) =>
  driveStep(() => prepareDependencies(db, job, settings, key));
const layersOf = ({ runner }: Begun) =>
  runner.seen.flatMap(({ spec }) => (spec.kind === "layer" ? [spec] : [])) as LayerSpec[];
const checksOf = (job: Job) => db.checkRun.findMany({ where: { jobId: job.id, kind: "setup" } });
const setupEvents = async (job: Job) =>
  (await eventsOf(db, job)).filter(
    ({ type, data }) => type === "check.finished" && (data as { kind: string }).kind === "setup",
  );

describe("the dependencies of a job", () => {
  test("are asked for once, with the network, and people see what became of them", async () => {
    const begun = await begin();
    const stored = await prepare(begun.job);
    expect(stored).toEqual({
      command: SETTINGS.setupCommand,
      cached: false,
      seconds: 12.3,
      bytes: 5_000,
      notKept: null,
      refused: [],
    });
    expect(await prepare(begun.job)).toEqual(stored);
    const [spec, ...more] = layersOf(begun);
    expect(more).toEqual([]);
    expect(spec?.install).toMatchObject({ network: "registries", title: SETTINGS.setupCommand, cwd: "." });
    expect(await checksOf(begun.job)).toMatchObject([
      { passed: true, report: { cached: false, seconds: 12.3 } },
    ]);
    expect(await setupEvents(begun.job)).toMatchObject([
      { data: { passed: true, summary: "dependencies installed in 12.3 s" } },
    ]);
  });

  test("have one name for all jobs of a team, and another one for another team", async () => {
    const [first, second, other, changed] = [
      await begin(),
      await begin(),
      await begin(1),
      await begin(0, "2"),
    ];
    for (const { job } of [first, second, other, changed]) await prepare(job);
    const names = [first, second, other, changed].map((begun) => layersOf(begun)[0]?.find);
    expect(names[0]).toEqual(names[1]);
    expect(new Set(names.flat()).size).toBe(3);
    for (const begun of [first, other]) expect(layersOf(begun)[0]?.keep).toBe(layersOf(begun)[0]?.find[0]);
  });

  test("that an agent changed are kept for its own job alone", async () => {
    const [one, two] = [await begin(), await begin()];
    const layers: LayerSpec[] = [];
    for (const begun of [one, two]) {
      await prepare(begun.job);
      await prepare(await commit(begun.job, { "package-lock.json": "changed" }), "task-1/dependencies");
      layers.push(layersOf(begun)[1] as LayerSpec);
    }
    const [ofOne, ofTwo] = layers as [LayerSpec, LayerSpec];
    expect(ofOne.find).toEqual([ofTwo.find[0], ofOne.keep]);
    expect(ofTwo.find).toEqual([ofTwo.find[0], ofTwo.keep]);
    expect(ofOne.keep).not.toBe(ofTwo.keep);
    expect(ofOne.find[0]).not.toBe(ofOne.keep);
  });

  test("of a branch that another job has pushed are kept for its own job alone, too", async () => {
    const begun = await begin();
    const job = await db.job.update({
      where: { id: begun.job.id },
      data: { baseBranch: "fabrica/JOB-20260101000000-AAAA" },
    });
    await prepare(job);
    const [layer] = layersOf(begun);
    expect(layer?.keep).not.toBe(layer?.find[0]);
  });

  test("are left alone while nothing changed that they depend on", async () => {
    const begun = await begin();
    await prepare(begun.job);
    const later = await commit(begun.job, { "index.js": "1" });
    expect(await prepare(later, "verify/dependencies")).toBeNull();
    expect(layersOf(begun)).toHaveLength(1);
    expect(await prepare(later, KEY, { folder: "", setupCommand: null })).toBeNull();
  });

  test("are known to the next lease", async () => {
    const begun = await begin();
    expect(await lastLayer(db, begun.job)).toBeNull();
    await prepare(begun.job);
    expect((await lastLayer(db, begun.job))?.spec).toEqual(layersOf(begun)[0]);
  });

  test.each<[string, Partial<CommandResult>, RegExp]>([
    [
      "what npm said",
      { exit_code: 1, stderr: "npm error 404 no-such-package" },
      /could not be installed\.[\s\S]*no-such-package/,
    ],
    [
      "a missing pip",
      { exit_code: 1, stderr: "/usr/bin/python3: No module named pip" },
      /This sandbox has no pip/,
    ],
    [
      "a full workspace",
      { exit_code: 1, stderr: "ENOSPC: no space left on device" },
      /do not fit.*256 MB.*SANDBOX_WORK_MB/,
    ],
    ["the time", { exit_code: null, timed_out: true }, /longer than 15 minutes/],
    [
      "a runner that cannot",
      { exit_code: null, failure: "This runner installs no dependencies." },
      /installs no dependencies/,
    ],
    [
      "a host that is not allowed",
      { exit_code: 1, layer: { ...LAYER, refused: ["evil.test is not an allowed registry."] } },
      /network refused: evil\.test is not/,
    ],
  ])("end the job in plain words: %s", async (_, result, words) => {
    said = result;
    const { job } = await begin();
    const error = await prepare(job).catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(GiveUp);
    expect((error as GiveUp).code).toBe("dependencies");
    expect((error as GiveUp).message).toMatch(words);
    expect(await checksOf(job)).toMatchObject([{ passed: false }]);
    expect(await lastLayer(db, job)).toBeNull();
  });

  test("say nothing of a credential that an installer printed", async () => {
    said = {
      exit_code: 1,
      stderr: "npm error //registry.example/:_authToken=ghp_0123456789abcdefghijklmnopqrstuvwxyz",
    };
    const { job } = await begin();
    const error = await prepare(job).catch((thrown: unknown) => thrown);
    expect(String(error)).not.toContain("0123456789abcdefghij");
  });
});
