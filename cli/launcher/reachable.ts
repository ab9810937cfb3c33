/**
 * Decides where data, database and toolchain live. Invariant: whatever another user than ours must open
 * (Postgres never runs as root, jailed code never runs as ours) lies where every user may walk to.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readFileSync, realpathSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

const OTHERS_MAY_ENTER = 0o001;
/** Others get through to what they are allowed to open, but see no names. */
const MAY_WALK_THROUGH = 0o711;
const SYSTEM_STATE = "/var/lib/fabrica";

/** The folders of one installation. */
export interface Places {
  /** Root of the clone. */
  root: string;
  /** The app's own data: secrets, repositories, projects. */
  dataDir: string;
  /** What other users must reach: the database, the runner's state, the toolchain. Often the same folder. */
  sharedDir: string;
}

/** Walks up from `from` (a file URL) to the folder that holds Fabrica's package.json. */
export function findRoot(from: string = import.meta.url): string {
  for (let dir = dirname(fileURLToPath(from)); ; dir = dirname(dir)) {
    try {
      if (JSON.parse(readFileSync(join(dir, "package.json"), "utf8")).name === "fabrica") return dir;
    } catch {
      // No package.json here, or a foreign one: look further up.
    }
    if (dirname(dir) === dir) throw new Error(`No Fabrica folder above ${fileURLToPath(from)}`);
  }
}

/** True when every existing folder on the way to `path` may be entered by any user. */
export function othersCanReach(path: string): boolean {
  for (let dir = resolve(path); ; dir = dirname(dir)) {
    const entry = statSync(dir, { throwIfNoEntry: false });
    if (entry?.isDirectory()) {
      const real = realpathSync(dir);
      if (real !== dir) return othersCanReach(real);
      if ((entry.mode & OTHERS_MAY_ENTER) === 0) return false;
    }
    if (dirname(dir) === dir) return true;
  }
}

/** Needed only by root: everybody else runs Postgres and jails under the very user that owns the folders. */
function isReachable(path: string): boolean {
  return process.getuid?.() !== 0 || othersCanReach(path);
}

/** One folder of its own per clone or data folder that nobody else may enter. */
function systemFolderFor(path: string): string {
  return join(SYSTEM_STATE, createHash("sha256").update(resolve(path)).digest("hex").slice(0, 12));
}

/**
 * Decides the folders and creates them.
 * @param root root of the clone
 * @param dataDir the setting DATA_DIR; relative paths count from the root
 */
export function resolvePlaces(root: string, dataDir?: string): Places {
  const wished = resolve(root, dataDir || ".data");
  const shared = isReachable(dirname(wished)) ? wished : systemFolderFor(wished);
  const places = { root, dataDir: dataDir ? wished : shared, sharedDir: shared };
  mkdirSync(places.dataDir, { recursive: true, mode: MAY_WALK_THROUGH });
  mkdirSync(places.sharedDir, { recursive: true, mode: MAY_WALK_THROUGH });
  // A data folder that was made earlier with a tighter mode would still shut the others out.
  if (!isReachable(places.sharedDir)) {
    places.sharedDir = systemFolderFor(wished);
    mkdirSync(places.sharedDir, { recursive: true, mode: MAY_WALK_THROUGH });
  }
  return places;
}

/** True when the wished folder lies where others may not enter, and another is used. */
export function isMoved({ sharedDir }: Places): boolean {
  return sharedDir.startsWith(`${SYSTEM_STATE}/`);
}

/** Where copies that every installation on this machine may share are kept (root only). */
export function systemStateDir(): string {
  return SYSTEM_STATE;
}
