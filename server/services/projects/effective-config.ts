// How the code of a project is set up and checked at one commit: its fabrica.json, its record, what is found in it.
import type { Project } from "../../generated/prisma/client";
import { configPath, type ResolvedConfig, resolveProjectConfig } from "../../toolchains/project-config";
import { readBlob, readTree } from "../../workspaces/read-files";
import { lookAtCommit } from "./look-at-commit";

const MAX_CONFIG_BYTES = 256 * 1024;
/** Commits do not change: what was found in the last ones is kept. */
const KEPT = 32;
const kept = new Map<string, Promise<ResolvedConfig>>();

export type ConfiguredProject = Pick<Project, "setupCommand" | "lintCommand" | "testCommand" | "folder">;

/**
 * @param dir a bare repository that has the commit
 * @returns a problem, one plain sentence, when the repository's fabrica.json cannot be used
 * @throws RemoteFault `too_large`; GitError
 */
export function effectiveConfig(
  project: ConfiguredProject,
  dir: string,
  commit: string,
): Promise<ResolvedConfig> {
  const { setupCommand, lintCommand, testCommand, folder } = project;
  const key = JSON.stringify([dir, commit, setupCommand, lintCommand, testCommand, folder]);
  const known = kept.get(key);
  if (known) return known;
  const reading = readConfig({ setupCommand, lintCommand, testCommand, folder }, dir, commit);
  kept.set(key, reading);
  reading.catch(() => kept.delete(key));
  for (const oldest of kept.keys()) {
    if (kept.size <= KEPT) break;
    kept.delete(oldest);
  }
  return reading;
}

async function readConfig(project: ConfiguredProject, dir: string, commit: string): Promise<ResolvedConfig> {
  const [detected, tree] = await Promise.all([
    lookAtCommit(dir, commit, project.folder),
    readTree(dir, commit),
  ]);
  const path = configPath(
    tree.map((file) => file.path),
    project.folder,
  );
  if (path === null) return resolveProjectConfig({ config: null, project, detected });
  const blob = await readBlob(dir, commit, path, MAX_CONFIG_BYTES);
  if (!blob || blob.binary || blob.truncated)
    return { ok: false, problem: `${path} is too long or no text.` };
  return resolveProjectConfig({ config: blob.bytes.toString("utf8"), path, project, detected });
}
