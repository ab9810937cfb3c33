// What a job's repository knows of its bases: for each base root of ours the remote's commit, and the links and
// submodules in its tree. Kept in one file beside the objects, so that taking in a snapshot costs no process for it.
// Entries are only added: a step that runs again after a crash finds what it knew.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { replaceFile } from "./repository";
import type { Carries } from "./tree-policy";

export interface BaseRecord {
  /** Our commit without a parent, and the remote's commit with the same tree. */
  root: string;
  commit: string;
  /** Links and submodules of that tree. */
  carried: { path: string; mode: string; oid: string }[];
}

const FILE = "fabrica-bases.json";

/** The bases of a repository, the first one first; none for a job that builds something new. */
export async function readBases(dir: string): Promise<BaseRecord[]> {
  try {
    // Written by addBase alone.
    return JSON.parse(await readFile(join(dir, FILE), "utf8")) as BaseRecord[];
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Remembers a base; one that is known already stays as it is. */
export async function addBase(dir: string, base: BaseRecord): Promise<void> {
  const bases = await readBases(dir);
  if (bases.some(({ root }) => root === base.root)) return;
  await replaceFile(join(dir, FILE), `${JSON.stringify([...bases, base])}\n`);
}

/** A link or submodule may be in a snapshot when a base has the very same at the same path. */
export function carriesOf(bases: readonly BaseRecord[]): Carries {
  const known = new Set(bases.flatMap(({ carried }) => carried.map(keyOf)));
  return (entry) => known.has(keyOf(entry));
}

const keyOf = ({ path, mode, oid }: { path: string; mode: string; oid: string }) => `${mode} ${oid} ${path}`;
