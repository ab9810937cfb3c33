// The Docker daemon dies in the middle of a job: the job waits, says why, and goes on when the daemon is back.
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, readFileSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { afterAll, beforeAll, expect, it } from "vitest";
import { connectDocker } from "@/runner/sandbox/docker";
import { type DockerDaemon, startDocker } from "../support/docker";
import { auditDatabase, auditDeliveries } from "./audit";
import { Factory } from "./factory";
import { readJob, submit, untilRunning, untilSettled } from "./jobs";

let docker: DockerDaemon;
let factory: Factory;
let again: ChildProcess | undefined;

beforeAll(async () => {
  docker = await startDocker();
  factory = await Factory.start({
    workers: 1,
    env: { RUNNER_DRIVER: "docker", DOCKER_HOST: docker.host, RUNNER_IMAGE: docker.image },
  });
}, 400_000);

afterAll(async () => {
  await factory?.stop();
  if (again && again.exitCode === null && again.signalCode === null) {
    const gone = once(again, "exit");
    again.kill("SIGTERM");
    await gone;
  }
  await docker?.stop();
}, 120_000);

/** The daemon's folder, id and command line. */
function daemonProcess(): { folder: string; pid: number; argv: string[] } {
  const folder = dirname(docker.host.slice("unix://".length));
  const pid = Number(readFileSync(join(folder, "docker.pid"), "utf8"));
  return { folder, pid, argv: readFileSync(`/proc/${pid}/cmdline`, "utf8").split("\0").filter(Boolean) };
}

async function untilDaemonAnswers(folder: string): Promise<void> {
  for (const giveUp = Date.now() + 60_000; ; await pause(100)) {
    const answers = await connectDocker(docker.host)
      .then((client) => client.ping())
      .catch(() => null);
    if (answers) return;
    if (Date.now() < giveUp) continue;
    const said = readFileSync(join(folder, "dockerd.log"), "utf8").slice(-3_000);
    throw new Error(`The daemon did not come back:\n${said}`);
  }
}

it("waits without its daemon and goes on with it", async () => {
  const job = await submit(factory);
  await untilRunning(factory, job, "task-1/0/");
  const { folder, pid, argv } = daemonProcess();
  process.kill(pid, "SIGKILL");
  const reason = async () => (await readJob(factory, job)).waiting_reason;
  await expect.poll(reason, { timeout: 60_000, interval: 100 }).toMatch(/no sandbox on worker-/);
  const [program = "", ...args] = argv;
  // Its containerd died with it; where nobody has buried that one yet, its number would be taken for a live one.
  rmSync(join(folder, "exec/containerd/containerd.pid"), { force: true });
  const log = openSync(join(folder, "dockerd.log"), "a");
  again = spawn(program, args, { cwd: folder, stdio: ["ignore", log, log] });
  await untilDaemonAnswers(folder);
  expect((await untilSettled(factory, job, 150_000)).status).toBe("completed");
  expect(await auditDatabase(factory, [job])).toEqual([]);
  expect(await auditDeliveries(factory, [job])).toEqual([]);
}, 300_000);
