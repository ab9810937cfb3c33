// What every agent of a task begins with: the files, the plan, what was done lately and what others noted for it. Read from
// the server's repository; no command runs for it.
import type { Briefing } from "../agents/first-message";
import type { Db } from "../db";
import { NOTES } from "../domain/agent-notes";
import { workKind } from "../domain/job-kind";
import { specFile } from "../domain/spec-file";
import type { Job } from "../generated/prisma/client";
import { jobRepository } from "../services/workspace/job-repository";
import { workspaceText } from "../services/workspace/workspace-files";
import { readBases } from "../workspaces/base-record";
import { historyText } from "../workspaces/history-text";
import { agentFiles } from "./agent-files";

const HISTORY_CHARS = 6_000;
const PROGRESS_CHARS = 4_000;

interface AgentBrief {
  /** For the first message. */
  brief: Pick<Briefing, "spec" | "files" | "folder" | "history" | "progress">;
  /** Patterns that searches leave out. */
  ignored: readonly string[];
}

/** @param options.notes whether it is given what agents noted; a tester is not, it writes tests from the specification */
export async function briefAgent(
  db: Db,
  job: Job,
  { notes = true }: { notes?: boolean } = {},
): Promise<AgentBrief> {
  const [spec, { files, ignored, folder }, history, progress] = await Promise.all([
    workspaceText(job, specFile(workKind(job))),
    agentFiles(db, job),
    historyOf(job),
    notes ? workspaceText(job, NOTES.progress) : null,
  ]);
  const brief = { spec, files, folder, history, ...(progress && { progress: tailOf(progress) }) };
  return { brief, ignored };
}

async function historyOf({ publicId, headCommit }: Job): Promise<string> {
  if (headCommit === null) return "";
  const dir = jobRepository(publicId);
  // Also those that were merged: a base is one commit of ours with all files of the repository.
  const from = (await readBases(dir)).map(({ root }) => root);
  return historyText(dir, { from, to: headCommit, maxChars: HISTORY_CHARS });
}

/** The end of it, from the beginning of a line. */
function tailOf(text: string): string {
  const whole = text.trim();
  if (whole.length <= PROGRESS_CHARS) return whole;
  const tail = whole.slice(-PROGRESS_CHARS).toWellFormed();
  return `…${tail.slice(Math.max(0, tail.indexOf("\n")))}`;
}
