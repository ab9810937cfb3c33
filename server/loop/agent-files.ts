// The files that agents are told of: all of them, but for what the repository says is not theirs to read.
import type { Db } from "../db";
import type { Job } from "../generated/prisma/client";
import { workspaceFiles } from "../services/workspace/workspace-files";
import { pathMatcher } from "../toolchains/path-patterns";
import { checksOf } from "./checks";

export interface AgentFiles {
  /** Files of the head. */
  files: string[];
  /** Patterns that searches leave out as well. */
  ignored: readonly string[];
  /** The project's folder, "" for the root. */
  folder: string;
}

export async function agentFiles(db: Db, job: Job): Promise<AgentFiles> {
  const [{ paths }, { config, folder }] = await Promise.all([workspaceFiles(job), checksOf(db, job)]);
  const ignored = config?.ignored ?? [];
  if (ignored.length === 0) return { files: paths, ignored, folder };
  const isIgnored = pathMatcher(ignored);
  return { files: paths.filter((path) => !isIgnored(path)), ignored, folder };
}
