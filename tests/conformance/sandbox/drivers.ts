// Both drivers for real, opened and closed by the suite of hostile programs: jails on this machine, and containers of an own daemon.
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { createBubblewrapDriver } from "@/runner/sandbox/bubblewrap";
import { createDockerDriver } from "@/runner/sandbox/docker";
import type { SandboxDriver } from "@/runner/sandbox/port";
import { startDocker } from "@/tests/support/docker";

/** An opened driver, and how to look at it from the host. */
export interface Bench {
  driver: SandboxDriver;
  /** How many processes of the sandbox's user there are while one shell runs: a jail's first process is one, too. */
  ownProcesses: number;
  /** What is left on the host of sandboxes: containers, or mounts and folders. */
  traces(): Promise<string[]>;
  close(): Promise<void>;
}

async function openBubblewrap(folder: string): Promise<Bench> {
  const stateDir = join(folder, "state");
  const driver = await createBubblewrapDriver({ stateDir, toolchainDir: null });
  const traces = async () => [
    ...readFileSync("/proc/self/mounts", "utf8")
      .split("\n")
      .filter((line) => line.includes(stateDir)),
    ...readdirSync(join(stateDir, "jail/jobs")),
  ];
  return { driver, ownProcesses: 2, traces, close: async () => void (await driver.reap()) };
}

async function openDocker(): Promise<Bench> {
  const daemon = await startDocker();
  const { host: dockerHost, image, supervisor } = daemon;
  const options = { dockerHost, image, runtime: null, supervisor, toolchainDir: null, instance: "hostile" };
  const driver = await createDockerDriver(options);
  const traces = async () =>
    (await daemon.client.listContainers({ all: true })).map((container) => container.Id);
  return { driver, ownProcesses: 1, traces, close: () => daemon.stop() };
}

/** For `describe.each`: the driver's name and what opens it with a folder of the suite's own. */
export const DRIVERS = [
  ["bubblewrap", openBubblewrap],
  ["docker", openDocker],
] as const;
