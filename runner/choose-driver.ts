// Which kind of sandbox this runner makes: Docker where a daemon answers and the image is there, else bubblewrap.
import type { RunnerEnv } from "./env";
import type { Log } from "./log";
import { createBubblewrapDriver } from "./sandbox/bubblewrap";
import { createDockerDriver } from "./sandbox/docker";
import type { SandboxDriver } from "./sandbox/port";

/** Makes the driver that the settings name. Throws an Error with a plain sentence when there is none. */
export async function chooseDriver(env: RunnerEnv, instance: string, log: Log): Promise<SandboxDriver> {
  const driver = await make(env, instance, log);
  for (const note of driver.notes) log(note);
  return driver;
}

async function make(env: RunnerEnv, instance: string, log: Log): Promise<SandboxDriver> {
  const docker = () => createDockerDriver({ ...env, instance, network: { access: env.registries } });
  const bubblewrap = () => createBubblewrapDriver(env);
  if (env.driver === "docker") return docker();
  if (env.driver === "bubblewrap") return bubblewrap();
  try {
    return await docker();
  } catch (error) {
    const reason = (error as Error).message;
    log(`bubblewrap is used instead of Docker: ${reason}`);
    return bubblewrap().catch((second: Error) => {
      throw new Error(`No sandbox can be made here. Docker: ${reason} bubblewrap: ${second.message}`);
    });
  }
}
