// Two runners on two hosts, one of which is cut off in the middle of a job: the other goes on from the last commit, the
// job is delivered once, and what the first one still has to say is refused.
import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { z } from "zod";
import { type WorkerView, workerView } from "@/server/domain/outputs";
import { auditDatabase, auditDeliveries } from "./audit";
import { Factory, ROOT } from "./factory";
import { isAlive, membersOf } from "./host-processes";
import { post, simulated, submit, untilRunning, untilSettled } from "./jobs";
import { NetworkHost } from "./network-host";
import { type RecordingProxy, startRecordingProxy } from "./recording-proxy";

const LEASE_SECONDS = 5;

let factory: Factory;
let proxy: RecordingProxy;
const hosts: NetworkHost[] = [];
const runners: ChildProcess[] = [];

beforeAll(async () => {
  factory = await Factory.start({ env: { HOST: "0.0.0.0", LEASE_SECONDS: String(LEASE_SECONDS) } });
  proxy = await startRecordingProxy(factory.url);
  hosts.push(NetworkHost.create(0), NetworkHost.create(1));
  // The factory's own runner lives on this machine and stays out of it.
  await vi.waitUntil(async () => (await workers()).length === 2, { timeout: 60_000, interval: 100 });
  for (const { worker_id } of await workers()) await post(factory, `/api/v1/workers/${worker_id}/drain`);
}, 180_000);

afterAll(async () => {
  for (const runner of runners) {
    if (runner.exitCode !== null || runner.signalCode !== null) continue;
    const gone = once(runner, "exit");
    // Killed at once it would leave the room of its warm jails mounted, for its next start to clear.
    runner.kill("SIGTERM");
    const patience = setTimeout(() => runner.kill("SIGKILL"), 30_000);
    await gone;
    clearTimeout(patience);
  }
  for (const host of hosts) host.remove();
  await proxy?.stop();
  await factory?.stop();
}, 90_000);

async function workers(): Promise<WorkerView[]> {
  const answer = z.object({ workers: z.array(workerView) });
  return (await factory.client.call("GET", "/api/v1/workers", answer)).workers;
}

const workerOf = async (name: string) => (await workers()).find(({ runner }) => runner === name);

/** Starts a runner on a host, with the settings of the factory's own. Its sandboxes are its descendants. */
async function startRunner(index: number, name: string): Promise<number> {
  const host = hosts[index] as NetworkHost;
  const environ = readFileSync(`/proc/${factory.pids().runner}/environ`, "utf8").split("\0").filter(Boolean);
  const own = Object.fromEntries(
    environ.map((pair) => [pair.slice(0, pair.indexOf("=")), pair.slice(pair.indexOf("=") + 1)]),
  );
  const { FABRICA_LEASH: _, ...settings } = own;
  const runner = host.start(process.execPath, [join(ROOT, "dist/runner.mjs")], {
    ...settings,
    FABRICA_URL: `http://${host.gateway}:${proxy.port}`,
    RUNNER_NAME: name,
    RUNNER_WORKERS: "1",
    RUNNER_STATE_DIR: join(factory.dataDir, `runner-${name}`),
  });
  runners.push(runner);
  let said = "";
  for (const stream of [runner.stdout, runner.stderr])
    stream?.on("data", (chunk: Buffer) => {
      said += chunk;
    });
  await expect
    .poll(async () => (await workerOf(name))?.status ?? said, { timeout: 30_000, interval: 200 })
    .toBe("idle");
  return runner.pid ?? -1;
}

const holderOf = async (job: string) => {
  const [row] = await factory.sql<{ worker: string | null }>(
    "SELECT lease_worker_id AS worker FROM job WHERE public_id = $1",
    [job],
  );
  return row?.worker ?? null;
};

describe("a runner that is cut off in the middle of a job", () => {
  let job: string;
  let first: WorkerView;
  let second: WorkerView;

  it("loses its lease, and the job goes on at the other one", async () => {
    const pid = await startRunner(0, "north");
    first = (await workerOf("north")) as WorkerView;
    // There before the job, which is over sooner than a runner has started.
    await startRunner(1, "south");
    second = (await workerOf("south")) as WorkerView;
    await post(factory, `/api/v1/workers/${second.worker_id}/drain`);
    job = await submit(factory, { models: simulated("sim-1+test@1") });
    await untilRunning(factory, job, "task-1/0/test");
    expect(await holderOf(job)).toBe(first.worker_id);
    const sandbox = membersOf(pid);
    expect(sandbox).not.toEqual([]);

    hosts[0]?.partition();
    await post(factory, `/api/v1/workers/${second.worker_id}/resume`);
    await expect.poll(() => holderOf(job), { timeout: 20_000, interval: 100 }).toBe(second.worker_id);
    // Its own clock told the first one that its lease must be over by now.
    const limit = { timeout: (LEASE_SECONDS + 5) * 1_000, interval: 100 };
    await expect.poll(() => sandbox.filter(isAlive), limit).toEqual([]);
    await expect.poll(async () => (await workerOf("north"))?.status, { timeout: 20_000 }).toBe("dead");
  }, 120_000);

  it("has its late writes refused, whichever they are, after the cable is back", async () => {
    // What it sends from now on is the latest.
    const sent = ["heartbeat", "report", "commands"].map(
      (verb) => [verb, proxy.latest(`${first.worker_id}/${verb}`)] as const,
    );
    hosts[0]?.heal();
    const before = await factory.sql("SELECT fence, head_commit FROM job WHERE public_id = $1", [job]);
    for (const [verb, late] of sent) {
      if (!late) throw new Error(`The first runner never sent a ${verb}.`);
      expect([verb, await proxy.replay(late)]).toEqual([verb, 410]);
    }
    const now = await factory.sql("SELECT fence, head_commit FROM job WHERE public_id = $1", [job]);
    expect(now.map(({ fence }) => fence)).toEqual(before.map(({ fence }) => fence));
  });

  it("delivers the job once, with every answer paid once", async () => {
    expect((await untilSettled(factory, job, 120_000)).status).toBe("completed");
    expect(await auditDatabase(factory, [job])).toEqual([]);
    expect(await auditDeliveries(factory, [job])).toEqual([]);
    const leases = await factory.sql<{ worker: string }>(
      `SELECT e.data->>'worker_id' AS worker FROM job_event e JOIN job j ON j.id = e.job_id
        WHERE j.public_id = $1 AND e.type = 'lease.claimed' ORDER BY e.seq`,
      [job],
    );
    expect(leases.map(({ worker }) => worker)).toEqual([first.worker_id, second.worker_id]);
  }, 150_000);

  it("works again as if nothing had been", async () => {
    await expect
      .poll(async () => (await workerOf("north"))?.status, { timeout: 60_000, interval: 200 })
      .toBe("idle");
    await post(factory, `/api/v1/workers/${second.worker_id}/drain`);
    const next = await submit(factory);
    expect((await untilSettled(factory, next, 120_000)).status).toBe("completed");
    expect((await workerOf("north"))?.jobs_completed).toBe(1);
    expect(await auditDatabase(factory, [job, next])).toEqual([]);
  }, 180_000);
});
