// Writes a git object as git itself would, without a process: one for each commit of every job is too dear.
import { createHash, randomBytes } from "node:crypto";
import { mkdir, open, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { deflate } from "node:zlib";

const compress = promisify(deflate);

/**
 * Stores an object in a repository and waits until it is on disk. The same object twice is one.
 * @param content as the object's format demands; nothing of it is checked
 * @returns its id
 */
export async function writeObject(dir: string, type: "commit" | "blob", content: Buffer): Promise<string> {
  const whole = Buffer.concat([Buffer.from(`${type} ${content.length}\0`), content]);
  const id = createHash("sha1").update(whole).digest("hex");
  const folder = join(dir, "objects", id.slice(0, 2));
  await mkdir(folder, { recursive: true, mode: 0o700 });
  // The name under which git itself puts what is not finished, so that it is cleaned up like it.
  const beside = join(folder, `tmp_obj_${randomBytes(6).toString("hex")}`);
  const file = await open(beside, "wx", 0o444);
  try {
    await file.writeFile(await compress(whole));
    await file.sync();
  } finally {
    await file.close();
  }
  try {
    await rename(beside, join(folder, id.slice(2)));
  } catch (error) {
    await rm(beside, { force: true });
    throw error;
  }
  return id;
}
