// Keys for signing, each derived from the one secret of the installation and good for one purpose only.
import { hkdfSync } from "node:crypto";
import { env } from "../../env";

const cache = new Map<string, Uint8Array>();

/** 32 bytes for one purpose, such as "access". */
export function deriveKey(purpose: string): Uint8Array {
  const known = cache.get(purpose);
  if (known) return known;
  const secret = env().FABRICA_AUTH_SECRET;
  const key = new Uint8Array(hkdfSync("sha256", secret, "fabrica", `fabrica/${purpose}/1`, 32));
  cache.set(purpose, key);
  return key;
}
