// The life of one runner process: sandboxes proved, registered, slots at work, registered again when it became unknown.
import { join } from "node:path";
import { chooseDriver } from "./choose-driver";
import type { RunnerEnv } from "./env";
import { HostRoom } from "./host-room";
import type { Lane } from "./lane";
import { Layers } from "./layers";
import type { Log } from "./log";
import { type Place, proveImages } from "./places";
import { type ProbeReport, probe } from "./probe";
import { PROTOCOL_VERSION, type RegisterAnswer } from "./protocol";
import { startReaper } from "./reaper";
import { WarmPool } from "./sandbox/pool";
import { type SandboxDriver, startsSlowly } from "./sandbox/port";
import { ServerClient, ServerRefusal } from "./server-client";
import { instanceId, lockState, readIdentity, writeIdentity } from "./state";
import { runSlot } from "./worker-loop";

/** The runner cannot work here; the message says why and what to do. */
export class RunnerRefusal extends Error {
  override name = "RunnerRefusal";
}

/**
 * Runs until the signal aborts or the server has taken every slot out of service.
 * Throws RunnerRefusal when a sandbox limit does not hold or the app refuses this runner.
 */
export async function runRunner(
  env: RunnerEnv,
  log: Log,
  signal: AbortSignal,
  lane: Lane = {},
): Promise<void> {
  lockState(env.stateDir);
  const instance = instanceId(env.stateDir);
  const driver = await chooseDriver(env, instance, log);
  const reaper = await startReaper(driver, log);
  try {
    const report = await prove(driver, instance, log);
    const layers = openLayers(env, driver, report, log);
    const platformOf = (image: string, programs: Record<string, string>) => platform(driver, image, programs);
    const images = await proveImages(env.images, { driver, layers, instance, platformOf, log });
    const places = { driver, layers, images, lane };
    if (env.warmPool > 0 && startsSlowly(driver)) {
      const pool = new WarmPool(driver, { size: env.warmPool, log, signal });
      await serve(env, { ...places, driver: pool }, report, log, signal).finally(() => pool.close());
    } else await serve(env, places, report, log, signal);
  } finally {
    reaper.stop();
    await driver.reap();
  }
}

async function prove(driver: SandboxDriver, instance: string, log: Log): Promise<ProbeReport> {
  const started = performance.now();
  const report = await probe(driver, instance);
  const of = (result: string) => report.checks.filter((check) => check.result === result);
  const tell = (result: string) =>
    of(result)
      .map((check) => `${check.name}: ${check.detail}`)
      .join("; ");
  if (of("fail").length > 0) {
    throw new RunnerRefusal(`The ${driver.name} sandbox does not hold on this machine. ${tell("fail")}.`);
  }
  if (of("warn").length > 0) log(`not limited here: ${tell("warn")}`);
  const versions = Object.entries(report.programs).map(([name, version]) => `${name} ${version}`);
  const ms = Math.round(performance.now() - started);
  log(`${driver.name} sandbox proved: ${of("pass").length} checks in ${ms} ms; ${versions.join(", ")}`);
  return report;
}

async function serve(env: RunnerEnv, places: Places, report: ProbeReport, log: Log, signal: AbortSignal) {
  const client = new ServerClient(env.url);
  const room = await HostRoom.watch(env.stateDir, log);
  signal.addEventListener("abort", () => room.stop(), { once: true });
  let slots = env.workers;
  while (!signal.aborted && slots > 0) {
    const registration = await register(client, env, { places, report, slots, log, signal });
    if (!registration) return;
    writeIdentity(env.stateDir, registration);
    log(`registered at ${env.url} with ${registration.workers.length} workers`);
    slots -= await runSlots(client, registration, { places, room, log, signal });
  }
}

async function register(
  client: ServerClient,
  env: RunnerEnv,
  round: { places: Places; report: ProbeReport; slots: number; log: Log; signal: AbortSignal },
): Promise<RegisterAnswer | null> {
  const { places, report, slots, log, signal } = round;
  try {
    return await client.register(
      env.registrationToken,
      {
        protocol: PROTOCOL_VERSION,
        ...readIdentity(env.stateDir),
        name: env.name,
        slots,
        driver: places.driver.name,
        images: [...places.images.keys()],
        ...(places.lane.agent && { agent: places.lane.agent }),
        probe: report.checks,
        programs: report.programs,
      },
      { signal, onFailure: (reason) => log(`waiting for the app at ${env.url}: ${reason}`) },
    );
  } catch (error) {
    if (signal.aborted) return null;
    if (error instanceof ServerRefusal)
      throw new RunnerRefusal(`The app refused this runner: ${error.message}`);
    throw error;
  }
}

/** The runner's own place, and those with the images of projects. */
interface Places extends Place {
  images: ReadonlyMap<string, Place>;
  lane: Lane;
}

interface Round {
  places: Places;
  room: HostRoom;
  log: Log;
  signal: AbortSignal;
}

function openLayers(env: RunnerEnv, driver: SandboxDriver, { programs }: ProbeReport, log: Log): Layers {
  const image = driver.name === "docker" ? env.image : null;
  return Layers.open({
    dir: join(env.stateDir, "layers"),
    maxBytes: env.layerBytes,
    platform: platform(driver, image, programs),
    npmRegistry: env.npmRegistry,
    pythonIndex: env.pythonIndex,
    registryCa: env.registryCa,
    log,
  });
}

/** Everything on which an installation in such a sandbox depends. */
function platform(driver: SandboxDriver, image: string | null, programs: Record<string, string>): string {
  return JSON.stringify([driver.name, process.arch, image, programs]);
}

/** Runs all slots until every one has ended. Returns how many the server took out of service for good. */
async function runSlots(
  client: ServerClient,
  registration: RegisterAnswer,
  { places, room, log, signal }: Round,
): Promise<number> {
  const round = new AbortController();
  const common = {
    ...places,
    log,
    trouble: () => room.trouble,
    heartbeatMs: registration.heartbeat_seconds * 1000,
    leaseMs: registration.lease_seconds * 1000,
  };
  const ends = await Promise.all(
    registration.workers.map(async ({ worker_id, token }) => {
      const worker = client.worker(worker_id, token);
      try {
        const end = await runSlot({ ...common, client: worker }, AbortSignal.any([signal, round.signal]));
        if (end === "killed" || signal.aborted)
          await worker.deregister(AbortSignal.timeout(1_500)).catch(() => {});
        return end;
      } catch (error) {
        if (!(error instanceof ServerRefusal)) throw error;
        if (error.kind === "version")
          throw new RunnerRefusal(`The app refused this runner: ${error.message}`);
        // The app forgot this worker: all slots stop and the runner registers anew.
        log(`worker ${worker_id} is not known any more: ${error.message}`);
        round.abort();
        return "stopped";
      }
    }),
  );
  return ends.filter((end) => end === "killed").length;
}
