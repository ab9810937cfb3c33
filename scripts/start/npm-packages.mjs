// Installs the npm packages when the lock changed since the last time.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, statfsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./root.mjs";
import { runProgram, step } from "./run-program.mjs";
import { SetupError } from "./setup-error.mjs";

const STAMP = join(ROOT, "node_modules", ".fabrica-stamp");
const NEEDED_BYTES = 2_000_000_000;

function lockHash() {
  const hash = createHash("sha256");
  hash.update(readFileSync(join(ROOT, "package-lock.json")));
  return hash.update(`${process.versions.modules} ${process.platform} ${process.arch}`).digest("hex");
}

function readJson(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}

/** True when somebody ran npm by hand and what lies there is what the lock says. */
function matchesLock() {
  const installed = readJson(join(ROOT, "node_modules", ".package-lock.json"))?.packages;
  const locked = readJson(join(ROOT, "package-lock.json"))?.packages;
  if (!installed || !locked) return false;
  const same = Object.entries(installed).every(([path, { version }]) => locked[path]?.version === version);
  const complete = Object.entries(locked).every(
    ([path, entry]) => path === "" || entry.optional || entry.devOptional || entry.peer || installed[path],
  );
  return same && complete && existsSync(join(ROOT, "node_modules", "next"));
}

/** Runs `npm ci` when it is needed. */
export async function ensureNpmPackages() {
  const hash = lockHash();
  if (existsSync(STAMP) && readFileSync(STAMP, "utf8") === hash) return;
  if (!matchesLock()) {
    const { bavail, bsize } = statfsSync(ROOT);
    if (bavail * bsize < NEEDED_BYTES) {
      throw new SetupError(
        `The disk is nearly full: ${Math.round((bavail * bsize) / 1e6)} MB are free, installing needs about 2 GB.`,
        "Free some space and run the command again.",
      );
    }
    await step("Installing npm packages", () =>
      runProgram("npm", ["ci", "--include=dev", "--no-audit", "--no-fund", "--loglevel=error"], {
        title: "npm ci",
        remedy: "Check the connection to your npm registry (`npm ping`) and run the command again.",
      }),
    );
  }
  writeFileSync(STAMP, hash);
}
