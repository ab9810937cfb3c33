// A host whose disk is full takes no jobs and says why; the jobs wait, and go on when there is room again.
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { z } from "zod";
import { workerView } from "@/server/domain/outputs";
import { Factory, ROOT } from "./factory";
import { post, readJob, submit, untilSettled } from "./jobs";

let factory: Factory;
let disk: string;
let runner: ChildProcess;

const workers = async () =>
  (await factory.client.call("GET", "/api/v1/workers", z.object({ workers: z.array(workerView) }))).workers;
const small = async () => (await workers()).find(({ runner: name }) => name === "small disk");

beforeAll(async () => {
  factory = await Factory.start();
  await vi.waitUntil(async () => (await workers()).length === 2, { timeout: 60_000, interval: 100 });
  for (const { worker_id } of await workers()) await post(factory, `/api/v1/workers/${worker_id}/drain`);
  disk = join(factory.dataDir, "small-disk");
  mkdirSync(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=600m,mode=755", "tmpfs", disk]);
  // Full before the runner begins, so that no claim of a better time is still open.
  execFileSync("fallocate", ["-l", "150M", join(disk, "filler")]);
  const environ = readFileSync(`/proc/${factory.pids().runner}/environ`, "utf8").split("\0").filter(Boolean);
  const own = Object.fromEntries(
    environ.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
  const { FABRICA_LEASH: _, ...settings } = own;
  runner = spawn(process.execPath, [join(ROOT, "dist/runner.mjs")], {
    env: {
      ...settings,
      NODE_ENV: "production",
      RUNNER_NAME: "small disk",
      RUNNER_WORKERS: "1",
      RUNNER_STATE_DIR: disk,
    },
    stdio: ["ignore", "inherit", "inherit"],
  });
  await vi.waitUntil(async () => (await small()) !== undefined, { timeout: 60_000, interval: 100 });
}, 200_000);

afterAll(async () => {
  if (runner && runner.exitCode === null) {
    const gone = once(runner, "exit");
    runner.kill("SIGTERM");
    await gone;
  }
  if (disk) execFileSync("umount", [disk]);
  await factory?.stop();
}, 90_000);

it("claims nothing while the disk is full, says so on the page and in the API, and goes on by itself", async () => {
  await expect.poll(async () => (await small())?.status, { timeout: 30_000, interval: 200 }).toBe("error");
  expect((await small())?.trouble).toMatch(/disk of this host is nearly full: \d+ MB are free/);
  const waiting = await submit(factory);
  for (let look = 0; look < 20; look++) {
    expect((await readJob(factory, waiting)).status).toBe("pending");
    await factory.sql("SELECT pg_sleep(0.1)");
  }
  rmSync(join(disk, "filler"));
  expect((await untilSettled(factory, waiting)).status).toBe("completed");
  await expect.poll(small, { timeout: 10_000 }).toMatchObject({ status: "idle", trouble: null });
}, 180_000);
