// The change taken out of the sandbox again, by its own patch: what is left is the base, or the base with the new tests.
import { GiveUp } from "../domain/step-outcome";
import type { Job } from "../generated/prisma/client";
import { jobRepository } from "../services/workspace/job-repository";
import { diffStat } from "../workspaces/diff";
import { readPatch } from "../workspaces/export-patch";
import { GitError } from "../workspaces/git";
import { execSpec, type Wanted } from "./run-programs";

/** A patch is sent to the sandbox as text; this is far more than a person would read. */
const MAX_PATCH_BYTES = 8 * 1024 * 1024;
const APPLY_MS = 60_000;
/** Base64, because the text of a program need not be UTF-8. */
const APPLY = "base64 -d | git apply --reverse --whitespace=nowarn -";

/**
 * A command that takes a job's change, or the part of it in some files, out of a sandbox that has the job's head.
 * @param only which files; all when it is not given
 * @returns null when there is nothing to take away
 * @throws GiveUp for a change that is too large
 */
export async function takeAway(
  job: Job,
  { key, only = () => true }: { key: string; only?: (path: string) => boolean },
): Promise<Wanted | null> {
  const { baseRoot: from, headCommit: to } = job;
  if (from === null || to === null || from === to) return null;
  const dir = jobRepository(job.publicId);
  const changes = await diffStat(dir, from, to);
  const paths = changes.map(({ path }) => path).filter(only);
  if (paths.length === 0) return null;
  const all = paths.length === changes.length;
  const patch = await readPatch(dir, { from, to, maxBytes: MAX_PATCH_BYTES, ...(!all && { paths }) }).catch(
    (error: unknown) => {
      if (!(error instanceof GitError && error.fault === "output")) throw error;
      const limit = `${MAX_PATCH_BYTES / 1024 / 1024} MiB`;
      throw new GiveUp(
        "change_too_large",
        `The change is larger than ${limit} as a patch; it cannot be proven.`,
      );
    },
  );
  return {
    key: `${key}/take-away`,
    spec: execSpec(["sh", "-c", APPLY], {
      stdin: patch.toString("base64"),
      title: "take the change away",
      timeout_ms: APPLY_MS,
    }),
  };
}
