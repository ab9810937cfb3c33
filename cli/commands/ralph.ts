/**
 * `fabrica ralph`: hosts an external agent on this machine. The work is done by a process of its own, which is given its
 * settings and nothing else of this environment, no key of a model's provider above all.
 */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { parseArgs } from "node:util";
import { readLauncherSettings } from "../env";
import { isBuilt, ralphSpec } from "../launcher/processes";
import { resolvePlaces } from "../launcher/reachable";
import { loadSecrets } from "../launcher/secrets";
import { onStopSignal } from "../launcher/signals";
import { ensureToolchain } from "../launcher/toolchain";
import { LauncherError } from "../launcher-error";

const text = { type: "string" } as const;
const OPTIONS = { command: text, server: text, token: text, driver: text, slots: text, tools: text } as const;
/** Which setting an option stands for. */
const SETTINGS = {
  command: "RALPH_COMMAND",
  server: "FABRICA_URL",
  token: "FABRICA_RUNNER_TOKEN",
  driver: "RUNNER_DRIVER",
  slots: "RALPH_SLOTS",
  tools: "RALPH_TOOLS",
} as const satisfies Record<keyof typeof OPTIONS, string>;

/** `fabrica ralph [--command "…"] [--server URL] [--token …] [--driver …] [--slots N] [--tools DIR]` */
export async function ralphCommand(root: string, args: string[]): Promise<number> {
  const { values } = parseArgs({ args, options: OPTIONS });
  if (!isBuilt(root, "dist/ralph.mjs"))
    throw new LauncherError("fabrica ralph is not built.", "Run `npm run build` once.");
  const settings = readLauncherSettings();
  const given = Object.entries(values).map(([name, value]) => [
    SETTINGS[name as keyof typeof SETTINGS],
    value,
  ]);
  const environment = { ...settings.environment, ...Object.fromEntries(given) } as NodeJS.ProcessEnv;
  const stop = onStopSignal();
  const places = resolvePlaces(root, settings.dataDir);
  const toolchainDir = await ensureToolchain(root, { say: (line) => console.log(line), signal: stop.signal });
  const {
    command,
    args: argv,
    env,
  } = ralphSpec({
    places,
    appUrl: environment.FABRICA_URL ?? `http://127.0.0.1:${settings.port}`,
    registrationToken: tokenOf(environment, places.dataDir),
    toolchainDir,
    environment,
  });
  // In a group of its own, so that a Ctrl-C reaches it once; on the leash, so that it never outlives this process.
  const child = spawn(command, argv, {
    cwd: root,
    env: { ...env, FABRICA_LEASH: "1" },
    stdio: ["ignore", "inherit", "inherit", "pipe"],
    detached: true,
  });
  stop.signal.addEventListener("abort", () => child.kill("SIGTERM"), { once: true });
  const [code] = (await once(child, "exit")) as [number | null];
  return code ?? 1;
}

/** On the app's own machine its secrets are at hand; elsewhere somebody has to give the token. */
function tokenOf(environment: NodeJS.ProcessEnv, dataDir: string): string {
  if (environment.FABRICA_RUNNER_TOKEN) return environment.FABRICA_RUNNER_TOKEN;
  if (!environment.FABRICA_URL) return loadSecrets(dataDir, environment).runner;
  throw new LauncherError(
    "The registration token is missing.",
    "Give --token, or set FABRICA_RUNNER_TOKEN to the value of `runner` in the app's secrets.json.",
  );
}
