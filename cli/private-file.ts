import { chmodSync, renameSync, writeFileSync } from "node:fs";

/** Writes a file that only its owner may read, in one piece. */
export function writePrivateFile(path: string, content: string): void {
  writeFileSync(`${path}.new`, content, { mode: 0o600 });
  chmodSync(`${path}.new`, 0o600);
  renameSync(`${path}.new`, path);
}
