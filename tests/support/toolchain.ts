// Runs toolchain commands on this host the way a sandbox would: same programs, same environment, other folder names.
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { defaultCacheDir, installToolchain } from "@/scripts/install-toolchain.mjs";
import { type RunOutput, TOOLCHAIN_DIR, type ToolCommand } from "@/server/toolchains/port";

/** The installed toolchain folder of this source; the first call may take as long as `npm ci`. */
export function toolchainDir(): Promise<string> {
  return installToolchain(defaultCacheDir());
}

/** A workspace in a temporary folder, with what an adapter asks about it. */
export interface TestWorkspace {
  root: string;
  files(): string[];
  readText(path: string): string | null;
  write(path: string, content: string): void;
  /** Runs a command with the workspace as current folder and reads its report. */
  run(command: ToolCommand | null): Promise<RunOutput>;
  remove(): void;
}

/** @param content files by path relative to the workspace */
export function makeWorkspace(content: Record<string, string>): TestWorkspace {
  const base = mkdtempSync(join(tmpdir(), "fabrica-toolchain-"));
  const root = join(base, "work");
  const scratch = join(base, "tmp");
  mkdirSync(root);
  mkdirSync(scratch);
  const write = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  for (const [path, text] of Object.entries(content)) write(path, text);
  return {
    root,
    files: () =>
      readdirSync(root, { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile())
        .map((entry) => relative(root, join(entry.parentPath, entry.name)))
        .sort(),
    readText: (path) => readOrNull(join(root, path)),
    write,
    run: (command) => runCommand(root, scratch, command),
    remove: () => rmSync(base, { recursive: true, force: true }),
  };
}

function readOrNull(path: string): string | null {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return null;
  }
}

async function runCommand(root: string, scratch: string, command: ToolCommand | null): Promise<RunOutput> {
  if (!command) throw new Error("There is no command for this workspace.");
  const toolchain = await toolchainDir();
  // The cache may itself lie below /tmp, so a text is rewritten once at most.
  const place = (text: string) =>
    text.startsWith(TOOLCHAIN_DIR)
      ? toolchain + text.slice(TOOLCHAIN_DIR.length)
      : text.replace(/^\/tmp(?=\/|$)/, scratch);
  const [program = "", ...args] = command.argv.map(place);
  const env: Record<string, string> = { PATH: process.env.PATH ?? "" };
  for (const [name, value] of Object.entries(command.env)) env[name] = place(value);
  const child = spawn(program, args, {
    cwd: root,
    env: env as NodeJS.ProcessEnv,
    timeout: command.timeoutMs,
  });
  let stdout = "";
  let stderr = "";
  child.stdout.on("data", (data: Buffer) => {
    stdout += data;
  });
  child.stderr.on("data", (data: Buffer) => {
    stderr += data;
  });
  const exitCode = await new Promise<number | null>((resolve, reject) => {
    child.on("error", reject);
    child.on("close", resolve);
  });
  const report = command.report === null ? null : readOrNull(place(command.report));
  return { exitCode, stdout, stderr, report };
}
