// Makes something beside its place and renames it there when it is whole. The halves of tries that were killed lie in
// one folder of the place, which goes with the first try that succeeds: nothing has to be searched for.
import { randomBytes } from "node:crypto";
import { mkdir, rename, rm, rmdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

/**
 * @param path where it is to be; its parent is made
 * @param make writes a file or a folder at the path that it is given; what it throws is passed on and nothing stays
 * @returns what `make` returned
 */
export async function writeBeside<T>(path: string, make: (beside: string) => Promise<T>): Promise<T> {
  const nursery = nurseryOf(path);
  await mkdir(nursery, { recursive: true });
  const beside = join(/* turbopackIgnore: true */ nursery, randomBytes(6).toString("hex"));
  try {
    const made = await make(beside);
    await rename(beside, path);
    await clearBeside(path);
    return made;
  } catch (error) {
    await rm(beside, { recursive: true, force: true });
    await rmdir(nursery).catch(() => undefined); // Another try may be at work in it.
    throw error;
  }
}

/** Removes what killed tries left; one that is still at work fails and finds the finished thing when it runs again. */
export async function clearBeside(path: string): Promise<void> {
  await rm(nurseryOf(path), { recursive: true, force: true, maxRetries: 3 });
}

function nurseryOf(path: string): string {
  return join(/* turbopackIgnore: true */ dirname(path), `.${basename(path)}.new`);
}
