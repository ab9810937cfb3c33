// Installed dependencies on the runner's disk: one opaque archive per layer, with its checksum at its end.
// Invariant: an archive that has its name is whole. It is never unpacked here, never changed, and only handed out after
// its checksum was computed again; the least recently used ones make room for new ones.
import { createHash, randomBytes } from "node:crypto";
import { closeSync, ftruncateSync, mkdirSync, openSync, readdirSync, rmSync, writeSync } from "node:fs";
import { type FileHandle, open, readdir, rename, rm, stat, statfs, utimes } from "node:fs/promises";
import { join } from "node:path";

const DIGEST_BYTES = 32;
const READ_BYTES = 4 * 1024 * 1024;
/** Left free on the disk, twice what a job needs to be claimed, so that keeping layers never stops the runner. */
const SPARE_BYTES = 1024 * 1024 * 1024;
const ENDING = ".layer";
const PART = ".part";

export interface LayerCacheOptions {
  /** Folder of its own; used by one process at a time. */
  dir: string;
  /** Of all archives together. */
  maxBytes: number;
  log: (line: string) => void;
}

/** Archives by name. A name is a SHA-256 in hexadecimal. */
export class LayerCache {
  private constructor(private readonly options: LayerCacheOptions) {}

  /** Opens the folder and removes what a killed process was writing. */
  static open(options: LayerCacheOptions): LayerCache {
    mkdirSync(options.dir, { recursive: true, mode: 0o700 });
    for (const name of readdirSync(options.dir)) {
      if (name.endsWith(PART)) rmSync(join(options.dir, name), { force: true });
    }
    return new LayerCache(options);
  }

  /** The whole archive, or null when there is none. One whose checksum is wrong is removed and counts as none. */
  async read(name: string): Promise<Buffer | null> {
    const path = this.pathOf(name);
    const file = await open(path, "r").catch(() => null);
    if (!file) return null;
    try {
      const archive = await readChecked(file);
      if (archive) {
        const now = new Date();
        await utimes(path, now, now).catch(() => {});
        return archive;
      }
    } finally {
      await file.close();
    }
    this.options.log(`layer ${name.slice(0, 12)} was not what had been stored, and is removed`);
    await rm(path, { force: true });
    return null;
  }

  /** Begins an archive. Its bytes are on the disk, but nobody finds it before `keep`. */
  async begin(): Promise<LayerWriter> {
    const { dir, maxBytes } = this.options;
    const { bavail, bsize } = await statfs(dir);
    const room = Math.max(0, Math.min(maxBytes, bavail * bsize - SPARE_BYTES));
    const path = join(dir, `${randomBytes(8).toString("hex")}${PART}`);
    return new LayerWriter(path, room, (bytes, name) => this.takeIn(path, bytes, name));
  }

  private async takeIn(path: string, bytes: number, name: string): Promise<void> {
    await this.makeRoom(bytes);
    await rename(path, this.pathOf(name));
  }

  /** Removes the least recently used ones until so many bytes fit beside the rest. */
  private async makeRoom(bytes: number): Promise<void> {
    const { dir, maxBytes } = this.options;
    const names = (await readdir(dir)).filter((name) => name.endsWith(ENDING));
    const found = await Promise.all(
      names.map(async (name) => {
        const { size, mtimeMs } = await stat(join(dir, name)).catch(() => ({ size: 0, mtimeMs: 0 }));
        return { path: join(dir, name), size, mtimeMs };
      }),
    );
    let total = found.reduce((sum, { size }) => sum + size, bytes);
    for (const { path, size } of found.sort((a, b) => a.mtimeMs - b.mtimeMs)) {
      if (total <= maxBytes) return;
      await rm(path, { force: true });
      total -= size;
    }
  }

  private pathOf(name: string): string {
    if (!/^[0-9a-f]{64}$/.test(name)) throw new Error("A layer's name must be a SHA-256.");
    return join(this.options.dir, `${name}${ENDING}`);
  }
}

/** An archive while it is written, to be ended by either `keep` or `drop`. */
export class LayerWriter {
  /** Why nothing can be kept, in one sentence; null while all is well. */
  trouble: string | null = null;
  bytes = 0;
  private readonly hash = createHash("sha256");
  private readonly fd: number;

  constructor(
    private readonly path: string,
    private readonly room: number,
    private readonly takeIn: (bytes: number, name: string) => Promise<void>,
  ) {
    this.fd = openSync(path, "wx", 0o600);
  }

  /**
   * Adds bytes. They are written at once, because whoever sends them cannot be told to wait: what was taken is then
   * never more than one piece of memory. Beyond the room they are dropped.
   */
  write(data: Buffer): void {
    if (this.trouble !== null) return;
    this.bytes += data.length;
    if (this.bytes + DIGEST_BYTES > this.room) {
      this.stop("There is no room for it in the runner's cache.");
      return;
    }
    try {
      this.hash.update(data);
      writeAll(this.fd, data);
    } catch (error) {
      this.stop(
        `The runner's disk did not take it: ${(error as NodeJS.ErrnoException).code ?? "unknown fault"}.`,
      );
    }
  }

  /** Gives the archive its name, in one step. Returns whether it is kept. */
  async keep(name: string): Promise<boolean> {
    try {
      if (this.trouble === null) writeAll(this.fd, this.hash.digest());
      closeSync(this.fd);
      if (this.trouble === null) await this.takeIn(this.bytes + DIGEST_BYTES, name);
    } catch (error) {
      this.trouble ??= `The runner's disk did not take it: ${(error as NodeJS.ErrnoException).code ?? "unknown fault"}.`;
    }
    if (this.trouble !== null) await rm(this.path, { force: true });
    return this.trouble === null;
  }

  /** Forgets what was written. */
  async drop(): Promise<void> {
    closeSync(this.fd);
    await rm(this.path, { force: true });
  }

  private stop(trouble: string): void {
    this.trouble = trouble;
    ftruncateSync(this.fd, 0);
  }
}

function writeAll(fd: number, data: Buffer): void {
  for (let done = 0; done < data.length; ) done += writeSync(fd, data, done);
}

/** The archive without its checksum; null when the checksum is another one. */
async function readChecked(file: FileHandle): Promise<Buffer | null> {
  const { size } = await file.stat();
  if (size < DIGEST_BYTES) return null;
  const whole = Buffer.allocUnsafe(size);
  const end = size - DIGEST_BYTES;
  const hash = createHash("sha256");
  for (let at = 0; at < size; ) {
    const { bytesRead } = await file.read(whole, at, Math.min(READ_BYTES, size - at), at);
    if (bytesRead === 0) return null;
    if (at < end) hash.update(whole.subarray(at, Math.min(end, at + bytesRead)));
    at += bytesRead;
  }
  return hash.digest().equals(whole.subarray(end)) ? whole.subarray(0, end) : null;
}
