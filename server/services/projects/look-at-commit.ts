// What a commit of a repository tells of itself: its files, what it is made with and the commands to propose. Read from
// git only; nothing of it is run.
import type { DetectedProject } from "../../domain/project";
import { detectProject } from "../../toolchains/detect-project";
import { configPath, resolveProjectConfig } from "../../toolchains/project-config";
import { detectionFiles } from "../../toolchains/telling-files";
import { listTree } from "../../workspaces/list-tree";
import { readBlobs } from "../../workspaces/read-files";
import { RemoteFault } from "../../workspaces/remote-fault";
import { redactAll } from "../redact";

const MAX_FILES = 250_000;
const MAX_TEXT_BYTES = 1024 * 1024;
const MAX_TEXTS_BYTES = 16 * 1024 * 1024;

interface Entry {
  oid: string;
  /** Bytes. */
  size: number;
}

/**
 * @param dir a bare repository that has the commit
 * @param folder the project's folder, "" for the root
 * @throws RemoteFault `too_large`; GitError
 */
export async function lookAtCommit(
  dir: string,
  commit: string,
  folder: string,
): Promise<Omit<DetectedProject, "branch" | "commit">> {
  const entries = await listFiles(dir, commit);
  const paths = [...entries.keys()];
  const config = configPath(paths, folder);
  const texts = await readTexts(dir, entries, [
    ...(config ? [config] : []),
    ...detectionFiles(paths, folder),
  ]);
  const said = readConfig(config, texts, folder);
  const place = said.folder ?? folder;
  // A fabrica.json in the root may name another folder; what tells of that one was not read yet.
  const all = place === folder ? texts : await readTexts(dir, entries, detectionFiles(paths, place));
  const found = detectProject(paths, (path) => all.get(path) ?? null, place);
  const notes = [...said.problems, ...found.notes];
  // Texts of a stranger: freed of what Postgres cannot hold and of what looks like a credential.
  return redactAll({ ...found, has_config: config !== null, files: entries.size, notes });
}

/** Regular files only: links and submodules are nothing that could be read. */
async function listFiles(dir: string, commit: string): Promise<Map<string, Entry>> {
  const files = new Map<string, Entry>();
  for await (const { type, mode, path, oid, size } of listTree(commit, { dir })) {
    if (type !== "blob" || !mode.startsWith("100")) continue;
    files.set(path, { oid, size: size ?? 0 });
    if (files.size > MAX_FILES)
      throw new RemoteFault("too_large", `The repository has more than ${MAX_FILES} files.`);
  }
  return files;
}

/** Texts in the order of their weight, until it is enough. */
async function readTexts(
  dir: string,
  entries: ReadonlyMap<string, Entry>,
  wanted: readonly string[],
): Promise<Map<string, string>> {
  const chosen = new Map<string, string>();
  let bytes = 0;
  for (const path of wanted) {
    const entry = entries.get(path);
    if (!entry || entry.size > MAX_TEXT_BYTES || bytes + entry.size > MAX_TEXTS_BYTES) continue;
    bytes += entry.size;
    chosen.set(path, entry.oid);
  }
  const oids = [...new Set(chosen.values())];
  const blobs = await readBlobs(dir, oids);
  const byOid = new Map(oids.map((oid, i) => [oid, blobs[i]]));
  const texts = new Map<string, string>();
  for (const [path, oid] of chosen) {
    const blob = byOid.get(oid);
    // As git itself decides what is no text.
    if (blob && !blob.subarray(0, 8000).includes(0)) texts.set(path, blob.toString("utf8"));
  }
  return texts;
}

/** What the repository's own fabrica.json says of its place, or why it cannot be used. */
function readConfig(
  path: string | null,
  texts: ReadonlyMap<string, string>,
  folder: string,
): { folder: string | null; problems: string[] } {
  if (path === null) return { folder: null, problems: [] };
  const text = texts.get(path);
  if (text === undefined) return { folder: null, problems: [`${path} is too long or no text.`] };
  const project = { setupCommand: null, lintCommand: null, testCommand: null, folder };
  const read = resolveProjectConfig({ config: text, path, project, detected: null });
  return read.ok ? { folder: read.folder, problems: [] } : { folder: null, problems: [read.problem] };
}
