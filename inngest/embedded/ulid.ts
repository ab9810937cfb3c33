/**
 * Makes run and event ids: 48 bits of time and 80 random bits in Crockford base 32, sortable by time.
 */
import { randomBytes } from "node:crypto";

const ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/** The least ULID of a time in milliseconds since 1970: all ids made before are less. */
export function firstUlid(timeMs: number): string {
  return encodeTime(timeMs) + ALPHABET[0]!.repeat(16);
}

function encodeTime(timeMs: number): string {
  let time = "";
  for (let rest = Math.max(0, Math.floor(timeMs)), i = 0; i < 10; i++) {
    time = ALPHABET[rest % 32] + time;
    rest = Math.floor(rest / 32);
  }
  return time;
}

/** A new ULID for a time in milliseconds since 1970. */
export function createUlid(timeMs: number): string {
  let random = "";
  for (const byte of randomBytes(16)) random += ALPHABET[byte % 32];
  return encodeTime(timeMs) + random;
}
