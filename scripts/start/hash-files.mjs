import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { ROOT } from "./root.mjs";

const IGNORED = new Set(["node_modules", ".next", ".data", "dist", "generated"]);

/** One hash over the contents of files and folders (relative to the root); missing ones count as absent. */
export function hashFiles(paths, accept = () => true) {
  const hash = createHash("sha256");
  for (const path of [...paths].sort()) addTo(hash, path, accept);
  return hash.digest("hex");
}

function addTo(hash, path, accept) {
  const entry = statSync(join(ROOT, path), { throwIfNoEntry: false });
  if (!entry) return;
  if (entry.isDirectory()) {
    for (const name of readdirSync(join(ROOT, path)).sort()) {
      if (!IGNORED.has(name)) addTo(hash, `${path}/${name}`, accept);
    }
  } else if (accept(path)) {
    hash.update(`${path}\0${entry.size}\0`).update(readFileSync(join(ROOT, path)));
  }
}
