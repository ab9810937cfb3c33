// Folders in which objects wait until they are checked. Invariant: a pack appears in a repository as a whole.
import { mkdir, readdir, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";

export const QUARANTINE = "incoming-";

/** A process that was killed in the middle leaves its quarantine behind; this removes those older than `staleMs`. */
export async function removeStale(dir: string, staleMs: number): Promise<void> {
  for (const name of await readdir(dir)) {
    if (!name.startsWith(QUARANTINE)) continue;
    const path = join(dir, name);
    const age = await stat(path).then(
      (found) => Date.now() - found.mtimeMs,
      () => 0,
    );
    if (age > staleMs) await rm(path, { recursive: true, force: true });
  }
}

/** Moves the packs of an object folder into a repository; the index comes last, because it makes a pack visible. */
export async function keepPacks(objects: string, dir: string): Promise<void> {
  const from = join(objects, "pack");
  const to = join(dir, "objects", "pack");
  await mkdir(to, { recursive: true, mode: 0o700 });
  const order = (name: string) => (name.endsWith(".idx") ? 2 : name.endsWith(".pack") ? 0 : 1);
  const names = (await readdir(from).catch(missingIsEmpty)).filter((name) =>
    /^pack-[0-9a-f]+\.(pack|idx|rev)$/.test(name),
  );
  for (const name of names.sort((a, b) => order(a) - order(b)))
    await rename(join(from, name), join(to, name));
}

function missingIsEmpty(error: NodeJS.ErrnoException): string[] {
  if (error.code === "ENOENT") return [];
  throw error;
}
