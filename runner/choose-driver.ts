// Which kind of sandbox this runner makes: Docker where a daemon answers and the image is there, else bubblewrap.
import type { RunnerEnv } from "./env";
import type { Log } from "./log";
import { createBubblewrapDriver } from "./sandbox/bubblewrap";
import type { SandboxDriver } from "./sandbox/port";

/** Makes the driver that the settings name. Throws an Error with a plain sentence when there is none. */
export async function chooseDriver(env: RunnerEnv, instance: string, log: Log): Promise<SandboxDriver> {
  void instance;
  const driver = await createBubblewrapDriver({ stateDir: env.stateDir, toolchainDir: env.toolchainDir });
  for (const note of driver.notes) log(note);
  return driver;
}
