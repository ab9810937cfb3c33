/**
 * The settings of the launcher and the command line client. The only file of the CLI that reads process.env.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { z } from "zod";
import { chooseEngine } from "../server/domain/engine-settings";
import { LauncherError } from "./launcher-error";

const text = z.string().min(1).optional();
const LOOPBACK = ["127.0.0.1", "::1", "localhost"];
const port = z.coerce.number().int().min(1).max(65_535);

/** Every setting of the launcher; docs/settings.md is made from it. */
export const launcherSettings = z.object({
  DATABASE_URL: z
    .url({ protocol: /^postgres(ql)?$/ })
    .optional()
    .describe("Postgres of your own; else one is started in DATA_DIR"),
  DATA_DIR: text.describe("as for the app"),
  PORT: port.optional().describe("port of the app; goes before DASHBOARD_PORT"),
  DASHBOARD_PORT: port.default(9000).describe("port of the app"),
  HOST: z
    .string()
    .min(1)
    .default("127.0.0.1")
    .describe("address that the app listens on; 0.0.0.0 lets other machines in"),
  DEFAULT_WORKERS: z.coerce
    .number()
    .int()
    .min(1)
    .default(2)
    .describe("workers of the runner on this machine"),
  MAX_WORKERS: z.coerce
    .number()
    .int()
    .min(1)
    .max(64)
    .default(5)
    .describe("most workers that may be asked for"),
  PUBLIC_URL: z.url().optional().describe("as for the app"),
  INNGEST_BASE_URL: z
    .url({ protocol: /^https?$/ })
    .optional()
    .describe("as for the app"),
  FABRICA_URL: z.url().optional().describe("address of the app, for a runner or a client elsewhere"),
  FABRICA_RUNNER_TOKEN: text.describe("registration token, for a runner elsewhere"),
});

/** Settings of `fabrica up`, with the whole environment for the app. */
export interface LauncherSettings {
  databaseUrl: string | null;
  dataDir: string | undefined;
  /** Port and address the app listens on. */
  port: number;
  host: string;
  workers: number;
  maxWorkers: number;
  publicUrl: string | null;
  /** True when a real Inngest server drives the functions. */
  externalEngine: boolean;
  /** App and registration token of a runner that runs on its own. */
  remote: { url: string; runnerToken: string } | null;
  environment: NodeJS.ProcessEnv;
}

/** Reads `.env` of the root, if there is one; what is already set wins. */
export function loadDotEnv(root: string): void {
  const file = join(root, ".env");
  if (existsSync(file)) process.loadEnvFile(file);
}

/**
 * Reads and checks the settings of the launcher; empty values count as unset.
 * @throws LauncherError that names the setting
 */
export function readLauncherSettings(source: NodeJS.ProcessEnv = process.env): LauncherSettings {
  const given = withoutEmpty(source);
  const parsed = launcherSettings.safeParse(given);
  if (!parsed.success) {
    const faults = parsed.error.issues.map((issue) => `${issue.path.join(".")}: ${issue.message}`);
    throw new LauncherError(
      `These settings are not usable: ${faults.join("; ")}.`,
      "Mend them in the environment or in .env.",
    );
  }
  const env = parsed.data;
  return {
    databaseUrl: env.DATABASE_URL ?? null,
    dataDir: env.DATA_DIR,
    port: env.PORT ?? env.DASHBOARD_PORT,
    host: env.HOST,
    workers: env.DEFAULT_WORKERS,
    maxWorkers: env.MAX_WORKERS,
    publicUrl: env.PUBLIC_URL ?? null,
    externalEngine: readExternalEngine(given, env.HOST),
    remote:
      env.FABRICA_URL && env.FABRICA_RUNNER_TOKEN
        ? { url: env.FABRICA_URL, runnerToken: env.FABRICA_RUNNER_TOKEN }
        : null,
    environment: source,
  };
}

/** Whether a real Inngest server drives the functions. @throws LauncherError when its settings do not go together */
function readExternalEngine(given: NodeJS.ProcessEnv, host: string): boolean {
  const { engine, fault } = chooseEngine(given);
  if (fault !== undefined) throw new LauncherError(fault, "");
  if (engine === "dev" && !LOOPBACK.includes(host)) {
    throw new LauncherError(
      `INNGEST_DEV takes unsigned calls, but HOST=${host} lets other machines in.`,
      "Leave HOST out, or set the keys of a real Inngest server instead of INNGEST_DEV.",
    );
  }
  return engine !== "built-in";
}

function withoutEmpty(source: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const entries = Object.entries(source).filter(([, value]) => value !== undefined && value !== "");
  return Object.fromEntries(entries) as NodeJS.ProcessEnv;
}

/** How the client finds and enters the app. */
export interface ClientSettings {
  url: string;
  token: string | null;
  username: string | null;
  password: string | null;
  /** Whether the access token is kept for the next call of the command. */
  keepSession?: boolean;
}

/** Reads the client's settings: FABRICA_URL, and FABRICA_TOKEN or FABRICA_USER with FABRICA_PASSWORD. */
export function readClientSettings(source: NodeJS.ProcessEnv = process.env): ClientSettings {
  const env = withoutEmpty(source);
  const fallback = `http://127.0.0.1:${env.PORT ?? env.DASHBOARD_PORT ?? 9000}`;
  return {
    url: (env.FABRICA_URL ?? fallback).replace(/\/+$/, ""),
    token: env.FABRICA_TOKEN ?? null,
    username: env.FABRICA_USER ?? null,
    password: env.FABRICA_PASSWORD ?? null,
  };
}
