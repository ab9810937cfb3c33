/** Starts the engine as its own process, so that a test can end it with SIGKILL. */
import { type ChildProcess, spawn } from "node:child_process";
import { join } from "node:path";
import { build } from "esbuild";
import { EVENT_KEY, SIGNING_KEY } from "./harness";

/** An engine process. */
export interface EngineProcess {
  url: string;
  child: ChildProcess;
  /** Resolves when the process is no more. */
  ended: Promise<void>;
  /** Ends it at once, as a crash would. */
  kill(): Promise<void>;
}

/** How an engine process is started. */
export interface SpawnOptions {
  /** A bundle from `bundleEngine`, which starts much sooner than the sources. */
  bundle?: string;
  /** Further variables of its environment. */
  env?: Record<string, string>;
  /** Further arguments for Node. */
  nodeArgs?: string[];
}

/** Bundles the engine with its packages into one file in a folder. */
export async function bundleEngine(folder: string): Promise<string> {
  const outfile = join(folder, "engine.cjs");
  await build({
    entryPoints: ["inngest/embedded/main.ts"],
    outfile,
    bundle: true,
    platform: "node",
    target: "node20",
    format: "cjs",
    external: ["pg-native"],
    sourcemap: "inline",
    logLevel: "error",
  });
  return outfile;
}

/** Spawns `inngest/embedded/main.ts` and resolves once it says that it listens. */
export async function spawnEngine(
  databaseUrl: string,
  appUrl: string,
  port: number,
  { bundle, env = {}, nodeArgs = [] }: SpawnOptions = {},
): Promise<EngineProcess> {
  const source = bundle ? [bundle] : ["--import", "tsx", "inngest/embedded/main.ts"];
  const child = spawn(process.execPath, [...nodeArgs, ...source], {
    env: {
      ...process.env,
      DATABASE_URL: databaseUrl,
      ENGINE_PORT: String(port),
      ENGINE_APP_URL: appUrl,
      ENGINE_SIGNING_KEY: SIGNING_KEY,
      ENGINE_EVENT_KEY: EVENT_KEY,
      ENGINE_BACKOFF_SCALE: "0.002",
      ...env,
    },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  let output = "";
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout!.on("data", (chunk: Buffer) => {
      output += chunk.toString();
      const line = output.split("\n").find((text) => text.includes("engine listening"));
      if (line) resolve((JSON.parse(line) as { url: string }).url);
    });
    child.once("exit", () => reject(new Error(`The engine ended: ${output}`)));
  });
  const kill = () => {
    child.kill("SIGKILL");
    return ended;
  };
  return { url, child, ended, kill };
}
