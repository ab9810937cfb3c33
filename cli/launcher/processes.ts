/**
 * What engine, app and runner are: program, settings, sign of life.
 * Invariant: each gets only what it needs; the runner gets no secret but its registration token.
 */
import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Places } from "./reachable";
import type { Secrets } from "./secrets";
import type { ProcessSpec } from "./supervise";

/** Programs are looked up here only, so that nothing under a private home is ever needed. */
const FIXED_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const CHECK_LIMIT_MS = 5_000;

/** Settings every process may see. */
const COMMON = ["LANG", "LC_ALL", "TZ", "TMPDIR", "LOG_LEVEL", "NODE_EXTRA_CA_CERTS"];
/** Settings of the runner that a person may set; see runner/env.ts. */
const RUNNER_SETTINGS = /^(RUNNER_\w+|DOCKER_HOST|DOCKER_CERT_PATH|DOCKER_TLS_VERIFY)$/;
/** Settings of `fabrica ralph`, which makes sandboxes like a runner; see runner/external/env.ts. */
const RALPH_SETTINGS = /^(RALPH_\w+|RUNNER_\w+|DOCKER_HOST|DOCKER_CERT_PATH|DOCKER_TLS_VERIFY)$/;
const ENGINE_SETTINGS = /^ENGINE_(BACKOFF_SCALE|LOG_LEVEL|RETENTION_DAYS)$/;

/** Everything the three descriptions are made of. */
export interface ProcessPlan {
  places: Places;
  secrets: Secrets;
  databaseUrl: string;
  /** Address of the app as its own machine reaches it. */
  appUrl: string;
  /** Address of the app as people type it. */
  publicUrl: string;
  host: string;
  port: number;
  /** Port of the embedded engine; null when a real Inngest server is set. */
  enginePort: number | null;
  workers: number;
  environment: NodeJS.ProcessEnv;
  /** Development: reload on every change of the sources. */
  watch: boolean;
}

function pick(source: NodeJS.ProcessEnv, wanted: (name: string) => boolean): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(source).filter(([name]) => wanted(name))) as NodeJS.ProcessEnv;
}

function common(plan: Pick<ProcessPlan, "environment">, also: RegExp): NodeJS.ProcessEnv {
  const names = pick(plan.environment, (name) => COMMON.includes(name) || also.test(name));
  return { ...names, PATH: FIXED_PATH, NODE_ENV: "production" };
}

function nodeArgs(root: string, watch: boolean, bundle: string, source: string): string[] {
  const leash = ["--import", pathToFileURL(join(root, "dist", "leash.mjs")).href];
  if (!watch) return [...leash, "--enable-source-maps", join(root, "dist", bundle)];
  return [...leash, join(root, "node_modules/tsx/dist/cli.mjs"), "watch", "--clear-screen=false", source];
}

/** True when anything answers at `url`, however it does. */
async function answers(url: string, accept: (response: Response) => boolean): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(CHECK_LIMIT_MS), redirect: "manual" });
    await response.body?.cancel();
    return accept(response);
  } catch {
    return false;
  }
}

/** The embedded engine. */
export function engineSpec(plan: ProcessPlan & { enginePort: number }): ProcessSpec {
  const { root } = plan.places;
  return {
    name: "engine",
    command: process.execPath,
    args: nodeArgs(root, plan.watch, "engine.mjs", "inngest/embedded/main.ts"),
    cwd: root,
    env: {
      ...common(plan, ENGINE_SETTINGS),
      DATABASE_URL: plan.databaseUrl,
      ENGINE_HOST: "127.0.0.1",
      ENGINE_PORT: String(plan.enginePort),
      ENGINE_APP_URL: `${plan.appUrl}/api/inngest`,
      ENGINE_SIGNING_KEY: plan.secrets.engineSigningKey,
      ENGINE_EVENT_KEY: plan.secrets.engineEventKey,
    },
    isReady: () => answers(`http://127.0.0.1:${plan.enginePort}/`, () => true),
    graceMs: 8_000,
  };
}

/** The web app. It is ours and trusted, so it sees every setting of the environment. */
export function appSpec(plan: ProcessPlan): ProcessSpec {
  const { root, dataDir } = plan.places;
  const leash = ["--import", pathToFileURL(join(root, "dist", "leash.mjs")).href];
  const next = [
    join(root, "node_modules/next/dist/bin/next"),
    "dev",
    "-H",
    plan.host,
    "-p",
    String(plan.port),
  ];
  return {
    name: "app",
    command: process.execPath,
    args: [...leash, ...(plan.watch ? next : [join(root, "dist", "app.mjs")])],
    cwd: root,
    env: {
      ...plan.environment,
      NODE_ENV: plan.watch ? "development" : "production",
      NEXT_TELEMETRY_DISABLED: "1",
      DATABASE_URL: plan.databaseUrl,
      DATA_DIR: dataDir,
      PORT: String(plan.port),
      HOSTNAME: plan.host,
      FABRICA_AUTH_SECRET: plan.secrets.auth,
      NEXTAUTH_SECRET: plan.secrets.auth,
      NEXTAUTH_URL: plan.publicUrl,
      FABRICA_SETUP_TOKEN: plan.secrets.setup,
      FABRICA_RUNNER_TOKEN: plan.secrets.runner,
      FABRICA_BUILT_IN_ENGINE: plan.enginePort === null ? "0" : "1",
      ...(plan.enginePort !== null && {
        INNGEST_DEV: "0",
        INNGEST_BASE_URL: `http://127.0.0.1:${plan.enginePort}`,
        INNGEST_SIGNING_KEY: plan.secrets.engineSigningKey,
        INNGEST_EVENT_KEY: plan.secrets.engineEventKey,
      }),
    },
    isReady: () => answers(`${plan.appUrl}/api/v1/health`, (response) => response.ok),
    graceMs: 8_000,
  };
}

/** What a runner needs; it may be the only process on its host. */
export interface RunnerPlan {
  places: Places;
  appUrl: string;
  registrationToken: string;
  workers: number;
  toolchainDir: string;
  environment: NodeJS.ProcessEnv;
  watch: boolean;
}

/** One runner. */
export function runnerSpec(plan: RunnerPlan): ProcessSpec {
  const { root, sharedDir } = plan.places;
  return {
    name: "runner",
    command: process.execPath,
    args: nodeArgs(root, plan.watch, "runner.mjs", "runner/main.ts"),
    cwd: root,
    env: {
      RUNNER_STATE_DIR: join(sharedDir, "runner"),
      RUNNER_SUPERVISOR: join(root, "dist", "supervisor.cjs"),
      RUNNER_TOOLCHAIN_DIR: plan.toolchainDir,
      ...common(plan, RUNNER_SETTINGS),
      FABRICA_URL: plan.appUrl,
      FABRICA_RUNNER_TOKEN: plan.registrationToken,
      RUNNER_WORKERS: String(plan.workers),
    },
    graceMs: 15_000,
  };
}

/** The host of an external agent. */
export function ralphSpec(
  plan: Omit<RunnerPlan, "workers" | "watch">,
): Omit<ProcessSpec, "name" | "graceMs"> {
  const { root, sharedDir } = plan.places;
  return {
    command: process.execPath,
    args: nodeArgs(root, false, "ralph.mjs", "runner/external/main.ts"),
    cwd: root,
    env: {
      RALPH_STATE_DIR: join(sharedDir, "ralph"),
      RUNNER_SUPERVISOR: join(root, "dist", "supervisor.cjs"),
      RUNNER_TOOLCHAIN_DIR: plan.toolchainDir,
      ...common(plan, RALPH_SETTINGS),
      FABRICA_URL: plan.appUrl,
      FABRICA_RUNNER_TOKEN: plan.registrationToken,
    },
  };
}

/** True when a file is there to be run; says early what a missing build would say late. */
export function isBuilt(root: string, file: string): boolean {
  try {
    accessSync(join(root, file), constants.R_OK);
    return true;
  } catch {
    return false;
  }
}
