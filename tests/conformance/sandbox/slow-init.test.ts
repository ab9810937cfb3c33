// The first process of a container takes ended ones away. As long as it has not, they count to the container's limit of
// processes, so a command is over only afterwards: the next one shall not be refused for the sake of the last.
import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createDockerDriver } from "@/runner/sandbox/docker";
import type { ExecRequest, Sandbox } from "@/runner/sandbox/port";
import { type DockerDaemon, startDocker } from "@/tests/support/docker";

const LIMITS = { memory_mb: 256, work_mb: 64, tmp_mb: 16, inodes: 5_000, cpus: 2, pids: 48 };
/** As many processes as there is room for. */
const CROWD = `
import os, time
while True:
  try:
    if os.fork() == 0: time.sleep(4000)
  except OSError: break
print("full", flush=True); time.sleep(4000)`;
/** Long for the supervisor, which looks every millisecond, and short for its patience. */
const STOPPED_MS = 700;

let daemon: DockerDaemon;
let sandbox: Sandbox;
/** The container's first process, as this machine counts. */
let init: number;

beforeAll(async () => {
  daemon = await startDocker();
  const { host: dockerHost, image, supervisor } = daemon;
  const options = { dockerHost, image, runtime: null, supervisor, toolchainDir: null, instance: "slow-init" };
  sandbox = await (await createDockerDriver(options)).create(LIMITS);
  const [container] = await daemon.client.listContainers();
  init = (await daemon.client.getContainer(container?.Id ?? "").inspect()).State.Pid;
}, 600_000);
afterAll(async () => {
  await sandbox?.destroy();
  await daemon?.stop();
}, 60_000);

const run = (argv: string[], how: Pick<ExecRequest, "signal" | "onOutput"> = {}) =>
  sandbox.exec({ argv, timeoutMs: 60_000, maxOutputBytes: 10_000, ...how });

/** Runs the crowd and kills it while nobody takes ended processes away. Returns whether it was over before they were. */
async function overBeforeTaken(): Promise<boolean> {
  const killed = new AbortController();
  let over = false;
  const crowd = run(["python3", "-c", CROWD], {
    signal: killed.signal,
    onOutput: () => {
      process.kill(init, "SIGSTOP");
      killed.abort();
    },
  }).finally(() => {
    over = true;
  });
  await expect.poll(() => ended().length, { timeout: 30_000 }).toBeGreaterThan(30);
  // What shall not happen gives no sign that could be waited for.
  await delay(STOPPED_MS);
  const early = over;
  process.kill(init, "SIGCONT");
  expect(await crowd).toMatchObject({ killed: true, leftovers: 0 });
  expect(ended()).toEqual([]);
  return early;
}

/** Children of the container's first process that have ended. */
function ended(): string[] {
  return readdirSync("/proc").filter((name) => {
    try {
      const status = readFileSync(`/proc/${name}/status`, "latin1");
      return /^State:\tZ/m.test(status) && new RegExp(`^PPid:\t${init}$`, "m").test(status);
    } catch {
      return false;
    }
  });
}

it("a command is over when what it left has been taken away", async () => {
  expect(await overBeforeTaken()).toBe(false);
  expect(await run(["/bin/true"])).toMatchObject({ exitCode: 0, leftovers: 0 });
});

it("also beside another command", async () => {
  const other = new AbortController();
  const beside = run(["sleep", "4000"], { signal: other.signal });
  expect(await overBeforeTaken()).toBe(false);
  expect(await run(["/bin/true"])).toMatchObject({ exitCode: 0, leftovers: 0 });
  other.abort();
  expect(await beside).toMatchObject({ killed: true });
});
