// The files that agents are told of: all of them, but for what the repository says is not theirs to read.
import type { Db } from "../db";
import type { Job } from "../generated/prisma/client";
import { workspaceFiles } from "../services/workspace/workspace-files";
import { pathMatcher } from "../toolchains/path-patterns";
import { checksOf } from "./checks";

/** @returns the files of the head, and the patterns that searches leave out as well */
export async function agentFiles(db: Db, job: Job): Promise<{ files: string[]; ignored: readonly string[] }> {
  const [{ paths }, { config }] = await Promise.all([workspaceFiles(job), checksOf(db, job)]);
  const ignored = config?.ignored ?? [];
  if (ignored.length === 0) return { files: paths, ignored };
  const isIgnored = pathMatcher(ignored);
  return { files: paths.filter((path) => !isIgnored(path)), ignored };
}
