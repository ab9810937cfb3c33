// What a job changed: a unified diff of everything or of one file.
import { z } from "zod";
import type { Ctx } from "../../context";
import { NOTES_FOLDER } from "../../domain/agent-notes";
import { jobRef } from "../../domain/inputs";
import { FACTORY_FOLDER } from "../../domain/spec-file";
import { diff } from "../../workspaces/diff";
import { jobRepository } from "../workspace/job-repository";
import { findJob } from "./find-job";
import { filePath } from "./read-file";

const SHOWN_BYTES = 1024 * 1024;

export const readDiffInput = jobRef.extend({ path: filePath.optional() });
export const diffView = z.object({ text: z.string(), truncated: z.boolean() });

/** Empty text when nothing was committed yet. @throws AppError `not_found` */
export async function readDiff({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: z.infer<typeof readDiffInput>;
}): Promise<z.infer<typeof diffView>> {
  const job = await findJob(ctx, input.id);
  if (!job.headCommit) return { text: "", truncated: false };
  const path = input.path === undefined ? {} : { path: input.path };
  // What agents note for each other is no part of the work; it is shown when it is asked for by name.
  const without = [FACTORY_FOLDER, NOTES_FOLDER];
  const options = { ...path, without, maxBytes: SHOWN_BYTES };
  // A new project has no base: everything counts as added.
  return diff(jobRepository(job.publicId), job.baseRoot, job.headCommit, options);
}
