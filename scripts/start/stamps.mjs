// Remembers what was made from what, so that the second start does nothing twice.
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./root.mjs";

const FILE = join(ROOT, "dist", ".stamps.json");

function readStamps() {
  try {
    return JSON.parse(readFileSync(FILE, "utf8"));
  } catch {
    return {};
  }
}

/** @returns {boolean} whether `name` was last made from sources with this hash */
export function isFresh(name, hash) {
  return readStamps()[name] === hash;
}

/** Records that `name` was made from sources with this hash. */
export function stamp(name, hash) {
  mkdirSync(join(ROOT, "dist"), { recursive: true });
  writeFileSync(`${FILE}.new`, JSON.stringify({ ...readStamps(), [name]: hash }, null, 2));
  renameSync(`${FILE}.new`, FILE);
}
