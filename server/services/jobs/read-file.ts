// One file of a job's newest commit, read from git.
import { z } from "zod";
import type { Ctx } from "../../context";
import { AppError } from "../../domain/errors";
import { jobRef } from "../../domain/inputs";
import { readBlob } from "../../workspaces/read-files";
import { jobRepository } from "../workspace/job-repository";
import { findJob } from "./find-job";

const SHOWN_BYTES = 512 * 1024;

/** Only a name to look up in a tree, never a path of the host. A NUL or a line break would end git's question. */
export const filePath = z
  .string()
  .min(1)
  .max(1_000)
  .refine((path) => !/[\0\r\n]/.test(path), "must be one line without NUL")
  .refine((path) => path.isWellFormed(), "must be well-formed Unicode");

export const readFileInput = jobRef.extend({ path: filePath });

/** `size` is bytes; `text` is empty for a binary file. */
export const fileContentView = z.object({
  text: z.string(),
  size: z.number(),
  truncated: z.boolean(),
  binary: z.boolean(),
});

/** @throws AppError `not_found` */
export async function readFile({
  ctx,
  input,
}: {
  ctx: Ctx;
  input: z.infer<typeof readFileInput>;
}): Promise<z.infer<typeof fileContentView>> {
  const job = await findJob(ctx, input.id);
  const blob =
    job.headCommit && (await readBlob(jobRepository(job.publicId), job.headCommit, input.path, SHOWN_BYTES));
  if (!blob) throw new AppError("not_found", `${job.publicId} has no file ${input.path}.`);
  const { bytes, size, truncated, binary } = blob;
  return { text: binary ? "" : bytes.toString("utf8"), size, truncated, binary };
}
