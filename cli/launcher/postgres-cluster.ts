/**
 * The folder of an embedded PostgreSQL: made in one piece, with a password only its owner can read.
 * Invariant: a folder under its final name is a whole cluster.
 */
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import {
  chmodSync,
  chownSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { LauncherError } from "../launcher-error";
import type { PostgresPrograms } from "./postgres-binaries";

/** Name of the database and of its owner. */
export const DATABASE = "fabrica";
const PASSWORD_FILE = "fabrica-password";
const LOG_CAP_BYTES = 10_000_000;

/** What a cluster is made of. */
export interface ClusterOptions {
  dataDir: string;
  /** False skips the flush to disk. */
  durable?: boolean;
}

/** Builds the cluster beside its place and renames it, so that a crash leaves no half-made one. */
export async function makeCluster(options: ClusterOptions, programs: PostgresPrograms): Promise<void> {
  const fresh = `${options.dataDir}.new`;
  const passwordFile = `${options.dataDir}.password`;
  const password = randomBytes(24).toString("base64url");
  rmSync(fresh, { recursive: true, force: true });
  mkdirSync(dirname(options.dataDir), { recursive: true });
  mkdirSync(fresh, { mode: 0o700 });
  writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
  if ("uid" in programs.ids) {
    chownSync(fresh, programs.ids.uid, programs.ids.gid);
    chownSync(passwordFile, programs.ids.uid, programs.ids.gid);
  }
  try {
    await runInitdb(fresh, passwordFile, options, programs);
    writeFileSync(join(fresh, PASSWORD_FILE), password, { mode: 0o600 });
    renameSync(fresh, options.dataDir);
  } finally {
    rmSync(passwordFile, { force: true });
  }
}

async function runInitdb(
  dir: string,
  passwordFile: string,
  options: ClusterOptions,
  programs: PostgresPrograms,
): Promise<void> {
  // The builtin provider sorts and folds the same on every machine, whatever locales it has.
  const args = ["--pgdata", dir, "--username", DATABASE, "--pwfile", passwordFile];
  args.push("--auth=scram-sha-256", "--encoding=UTF8", "--no-instructions", "--no-locale");
  args.push("--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--data-checksums");
  if (options.durable === false) args.push("--no-sync");
  const child = spawn(programs.initdb, args, {
    ...programs.ids,
    cwd: "/",
    env: cleanEnvironment(),
    stdio: ["ignore", "ignore", "pipe"],
  });
  let complaint = "";
  child.stderr.on("data", (chunk: Buffer) => {
    complaint = (complaint + chunk).slice(-2_000);
  });
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", resolve);
  });
  if (code === 0) return;
  rmSync(dir, { recursive: true, force: true });
  const full = /No space left/i.test(complaint);
  throw new LauncherError(
    full
      ? "The disk is full."
      : `The database could not be made: ${complaint.trim().split("\n").at(-1) ?? code}`,
    full
      ? `Free some space for ${dirname(dir)} and start again.`
      : "Check the folder's rights and start again.",
  );
}

/** Reads postmaster.pid: line 1 the pid, line 4 the port, line 8 the state. */
export function readLock(dataDir: string): { pid: number; port: number; ready: boolean } | null {
  try {
    const lines = readFileSync(join(dataDir, "postmaster.pid"), "utf8").split("\n");
    return { pid: Number(lines[0]), port: Number(lines[3]), ready: lines[7]?.trim() === "ready" };
  } catch {
    return null;
  }
}

export function urlOf(dataDir: string, port: number): string {
  const password = readFileSync(join(dataDir, PASSWORD_FILE), "utf8").trim();
  return `postgresql://${DATABASE}:${password}@127.0.0.1:${port}/${DATABASE}`;
}

/** A file instead of a pipe: a server whose launcher was killed must still be able to write its log. */
export function openLog(path: string): number {
  const size = statSync(path, { throwIfNoEntry: false })?.size ?? 0;
  const log = openSync(path, size > LOG_CAP_BYTES ? "w" : "a", 0o600);
  chmodSync(path, 0o600);
  return log;
}

export function lastProblem(logFile: string): string | undefined {
  try {
    const lines = readFileSync(logFile, "utf8").slice(-8_000).split("\n");
    return lines
      .findLast((line) => /FATAL|PANIC|ERROR|No space/.test(line))
      ?.replace(/^.*?(FATAL|PANIC|ERROR): +/, "");
  } catch {
    return undefined;
  }
}

/** Nothing of ours, no PG* of the caller's, only what the programs need. */
export function cleanEnvironment(): NodeJS.ProcessEnv {
  return { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" } as unknown as NodeJS.ProcessEnv;
}
