// The key under which secrets of people are sealed: that of the environment, else one in the data folder that is made
// once. Invariant: whoever asks, however many at the same moment and from however many processes, gets the same key.
import { randomBytes } from "node:crypto";
import { link, mkdir, open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { AppError } from "../../domain/errors";
import { env } from "../../env";

const FILE = "secrets.key";

/**
 * The keys that may open a seal, the one to seal with first: after FABRICA_SECRETS_KEY was set, what was sealed with the
 * key of the data folder can still be read.
 * @throws AppError `unavailable` when the key file is there and is not a key
 */
export async function secretsKeys(): Promise<[Buffer, ...Buffer[]]> {
  const { DATA_DIR, FABRICA_SECRETS_KEY } = env();
  const path = join(DATA_DIR, FILE);
  if (!FABRICA_SECRETS_KEY) return [(await readKey(path)) ?? (await makeKey(DATA_DIR))];
  const before = await readKey(path);
  const given = decodeKey(FABRICA_SECRETS_KEY);
  return before ? [given, before] : [given];
}

/** Which of the two forms it has was checked with the settings. */
function decodeKey(text: string): Buffer {
  return Buffer.from(text, /^[0-9a-f]{64}$/i.test(text) ? "hex" : "base64");
}

async function readKey(path: string): Promise<Buffer | null> {
  const text = await readFile(path, "utf8").catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return null;
    throw unusable();
  });
  if (text === null) return null;
  // A new key in its place would make every sealed secret unreadable, so nothing is mended here.
  if (!/^[0-9a-f]{64}\n?$/.test(text)) throw unusable();
  return Buffer.from(text.trim(), "hex");
}

const unusable = () =>
  new AppError("unavailable", `The file ${FILE} in the data folder is not a key; restore it from a backup.`);

/** Makes the key of a data folder, or gives the one that was made meanwhile. @throws AppError `unavailable` */
export async function makeKey(folder: string): Promise<Buffer> {
  const path = join(folder, FILE);
  await mkdir(folder, { recursive: true, mode: 0o700 });
  const beside = `${path}.${randomBytes(6).toString("hex")}`;
  try {
    const file = await open(beside, "wx", 0o600);
    try {
      await file.writeFile(`${randomBytes(32).toString("hex")}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    // It is whole before it has its name, and only one can have the name.
    await link(beside, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== "EEXIST") throw error;
    });
  } finally {
    await rm(beside, { force: true });
  }
  await syncFolder(folder);
  const key = await readKey(path);
  if (!key) throw unusable();
  return key;
}

async function syncFolder(folder: string): Promise<void> {
  const handle = await open(folder, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
