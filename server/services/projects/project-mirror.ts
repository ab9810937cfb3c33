import { createHash } from "node:crypto";
import { join } from "node:path";
import { env } from "../../env";
import type { Project } from "../../generated/prisma/client";

/** Folder of the mirror of a project's repository: one for a team and an address, whatever the projects are called. */
export function projectMirror({ teamId, repositoryUrl }: Pick<Project, "teamId" | "repositoryUrl">): string {
  const address = createHash("sha256").update(repositoryUrl).digest("hex").slice(0, 24);
  return join(env().DATA_DIR, "mirrors", `${teamId}-${address}.git`);
}
