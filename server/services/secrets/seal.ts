// Secrets at rest. Invariant: a sealed value opens only for what it was sealed about, so that whoever can write to the
// database cannot move it to another row, nor change where it is sent to.
// Layout: version (1 byte), id of the key (4), nonce (12), tag (16), AES-256-GCM of the text.
import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from "node:crypto";
import { secretsKeys } from "./secrets-key";

const VERSION = 1;
const HEADER = 1 + 4;
const NONCE = 12;
const TAG = 16;
const CIPHER = "aes-256-gcm";

/** The sealed value was changed or moved, or the key is gone. Says nothing of the secret. */
export class SealBroken extends Error {
  constructor() {
    super("A sealed secret cannot be opened.");
    this.name = "SealBroken";
  }
}

/**
 * Seals a text.
 * @param about what it belongs to, kind first; must be told again, the same, to open it
 * @throws AppError `unavailable` when there is no usable key
 */
export async function sealSecret(text: string, about: readonly string[]): Promise<Uint8Array<ArrayBuffer>> {
  const [key] = await secretsKeys();
  const header = headerOf(key);
  const nonce = randomBytes(NONCE);
  const cipher = createCipheriv(CIPHER, derive(key, "seal"), nonce, { authTagLength: TAG });
  cipher.setAAD(bound(header, about));
  const sealed = Buffer.concat([cipher.update(text, "utf8"), cipher.final()]);
  return new Uint8Array(Buffer.concat([header, nonce, cipher.getAuthTag(), sealed]));
}

/**
 * Opens what `sealSecret` made.
 * @throws SealBroken; AppError `unavailable` when there is no usable key
 */
export async function openSecret(sealed: Uint8Array, about: readonly string[]): Promise<string> {
  const bytes = Buffer.from(sealed);
  const header = bytes.subarray(0, HEADER);
  const key = (await secretsKeys()).find((candidate) => headerOf(candidate).equals(header));
  if (!key || bytes.length < HEADER + NONCE + TAG) throw new SealBroken();
  const nonce = bytes.subarray(HEADER, HEADER + NONCE);
  const decipher = createDecipheriv(CIPHER, derive(key, "seal"), nonce, { authTagLength: TAG });
  decipher.setAAD(bound(header, about));
  decipher.setAuthTag(bytes.subarray(HEADER + NONCE, HEADER + NONCE + TAG));
  try {
    return Buffer.concat([
      decipher.update(bytes.subarray(HEADER + NONCE + TAG)),
      decipher.final(),
    ]).toString();
  } catch {
    throw new SealBroken();
  }
}

function headerOf(key: Buffer): Buffer {
  return Buffer.concat([Buffer.of(VERSION), derive(key, "id").subarray(0, 4)]);
}

/** 32 bytes for one purpose; the id of a key tells nothing of the key that seals. */
function derive(key: Buffer, purpose: "seal" | "id"): Buffer {
  return Buffer.from(hkdfSync("sha256", key, "fabrica", `fabrica/secrets/${purpose}/1`, 32));
}

function bound(header: Buffer, about: readonly string[]): Buffer {
  return Buffer.concat([header, Buffer.from(JSON.stringify(about))]);
}
