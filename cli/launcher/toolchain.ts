/**
 * Owns the read-only toolchain folder: the linters and test runners that sandboxes mount.
 * Invariant: a folder under its final name is complete; the name carries the hash of everything in it.
 */
import { spawn } from "node:child_process";
import { createHash } from "node:crypto";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
} from "node:fs";
import { join } from "node:path";
import { LauncherError } from "../launcher-error";

const TAIL_CHARS = 2_000;

function hashFolder(dir: string): string {
  const hash = createHash("sha256").update(process.versions.modules);
  const walk = (path: string) => {
    for (const name of readdirSync(path).sort()) {
      if (name === "node_modules") continue;
      const full = join(path, name);
      if (statSync(full).isDirectory()) walk(full);
      else hash.update(`${full.slice(dir.length)}\0`).update(readFileSync(full));
    }
  };
  walk(dir);
  return hash.digest("hex").slice(0, 16);
}

/**
 * Installs the toolchain once per content.
 * @param sourceDir `runner/toolchain` of the clone
 * @param sharedDir a folder that jailed users can reach
 * @param options `say` is told before the slow part; `signal` ends it
 * @returns the folder to mount; null when this clone has no toolchain
 * @throws LauncherError when npm fails
 */
export async function ensureToolchain(
  sourceDir: string,
  sharedDir: string,
  { say, signal }: { say: (line: string) => void; signal?: AbortSignal },
): Promise<string | null> {
  if (!existsSync(join(sourceDir, "package-lock.json"))) return null;
  const parent = join(sharedDir, "toolchain");
  const target = join(parent, hashFolder(sourceDir));
  if (existsSync(target)) return target;
  say("Installing the sandbox' linters and test runners (once)");
  mkdirSync(parent, { recursive: true, mode: 0o755 });
  const fresh = mkdtempSync(join(parent, ".new-"));
  try {
    cpSync(sourceDir, fresh, { recursive: true, filter: (path) => !/[/\\]node_modules$/.test(path) });
    await install(fresh, signal);
    chmodSync(fresh, 0o755);
    renameSync(fresh, target);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    if (!existsSync(target)) throw error; // Otherwise another start was faster, with the same content.
  }
  removeOthers(parent, target);
  return target;
}

async function install(dir: string, signal?: AbortSignal): Promise<void> {
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const child = spawn("npm", args, { cwd: dir, stdio: ["ignore", "ignore", "pipe"], signal });
  let tail = "";
  child.stderr.on("data", (chunk: Buffer) => {
    tail = (tail + chunk).slice(-TAIL_CHARS);
  });
  const code = await new Promise<number | string | null>((resolve) => {
    child.once("error", (error) => resolve(error.message));
    child.once("close", resolve);
  });
  if (code === 0) return;
  throw new LauncherError(
    `The toolchain could not be installed: ${tail.trim().split("\n").at(-1) ?? code}`,
    "Check the connection to your npm registry and start again.",
  );
}

/** Older toolchains go, but not a half-made one that another start is working on. */
function removeOthers(parent: string, keep: string): void {
  for (const name of readdirSync(parent)) {
    const path = join(parent, name);
    if (path !== keep && !name.startsWith(".new-")) rmSync(path, { recursive: true, force: true });
  }
}
