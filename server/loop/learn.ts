// Step "learn": what a run of a job found out, computed from what it left behind and without another model call. It comes
// when the job is over, so it delays nothing; a workspace that cannot be read is left out.
import type { Db } from "../db";
import { NOTES } from "../domain/agent-notes";
import { type LearningKind, learningKind } from "../domain/learning";
import type { Job } from "../generated/prisma/client";
import { log } from "../log";
import { type ParsedLearning, parseLearnings } from "../memory/parse-learnings";
import { hashOf } from "../memory/tidy-learning";
import type { RunRef } from "../services/jobs/active-job";
import { outcomeOf } from "../services/memory/end-of-run";
import { type Kept, keepLearnings } from "../services/memory/keep-learnings";
import { redact } from "../services/redact";
import { jobRepository } from "../services/workspace/job-repository";
import { readBlob } from "../workspaces/read-files";

const MOST_OF_FILE = 40;
const MOST_OF_LOG = 20;
const MAX_FILE_BYTES = 512 * 1024;
const FAILING_CHARS = 150;

/**
 * Looks a run through for learnings, once. Does nothing while the run goes on.
 * @returns how many were new and how many were known
 */
export async function learn(db: Db, ref: RunRef): Promise<Kept> {
  const nothing = { taken: 0, refreshed: 0 };
  const job = await db.job.findUnique({ where: { publicId: ref.job } });
  if (!job) return nothing;
  const outcome = await outcomeOf(db, job.id, ref.run);
  if (!outcome) return nothing;
  const found = [
    ...(await fromNotes(job)),
    ...(await fromHealLog(db, job, ref.run)),
    ...(await fromDebugger(db, job, ref.run)),
    ...(await fromExternal(db, job, ref.run)),
  ];
  const learnings = found.map((learning) => ({ ...learning, stack: job.techStack }));
  return (await keepLearnings(db, job, ref.run, outcome, learnings)) ?? nothing;
}

/** The file by which agents say what they found out, without what the repository brought along. */
async function fromNotes(job: Job): Promise<ParsedLearning[]> {
  try {
    const [now, before] = await Promise.all([notesAt(job, job.headCommit), notesAt(job, job.baseRoot)]);
    const known = new Set(before.map(hashOf));
    return now.filter((learning) => !known.has(hashOf(learning)));
  } catch (error) {
    log.warn({ job: job.publicId, error: String(error) }, "the notes of a job's agents cannot be read");
    return [];
  }
}

async function notesAt(job: Job, commit: string | null): Promise<ParsedLearning[]> {
  if (commit === null) return [];
  const blob = await readBlob(jobRepository(job.publicId), commit, NOTES.learnings, MAX_FILE_BYTES);
  if (!blob || blob.binary) return [];
  // Secrets go first: what is cut afterwards could leave a part of one.
  return parseLearnings(redact(blob.bytes.toString("utf8")), MOST_OF_FILE);
}

interface Healed {
  failing: string;
  root_cause: string;
  files_changed: string[];
  result: string;
}

/** Fixes that worked: what failed, why, and what was changed. */
async function fromHealLog(db: Db, { id }: Job, run: number): Promise<ParsedLearning[]> {
  const entries = await db.jobEvent.findMany({
    where: { jobId: id, run, type: "heal.logged" },
    orderBy: { seq: "asc" },
    take: 500,
  });
  const worked = entries
    .map(({ data }) => data as unknown as Healed)
    .filter(({ result, root_cause }) => result === "green" && root_cause !== "not said");
  return worked
    .slice(0, MOST_OF_LOG)
    .map(({ failing, root_cause, files_changed }) => solution(failing, root_cause, [], files_changed));
}

/** What a debugger found where its advice led on; "give_up" and unclear words teach nobody. */
async function fromDebugger(db: Db, { id }: Job, run: number): Promise<ParsedLearning[]> {
  const runs = await db.agentRun.findMany({
    where: { jobId: id, run, role: "debugger", state: "finished" },
    orderBy: { id: "asc" },
    take: MOST_OF_LOG,
  });
  return runs.flatMap(({ result }) => {
    const { root_cause, findings, recommendation } = (result ?? {}) as Record<string, unknown>;
    if (typeof root_cause !== "string" || recommendation === "give_up") return [];
    const title = root_cause.split(/(?<=[.!?])\s/)[0] ?? root_cause;
    return [solution(title, root_cause, typeof findings === "string" ? [`What to do: ${findings}`] : [], [])];
  });
}

/** What an agent of somebody else's told while it worked. */
async function fromExternal(db: Db, { id }: Job, run: number): Promise<ParsedLearning[]> {
  const events = await db.jobEvent.findMany({
    where: { jobId: id, run, type: "external.learning" },
    orderBy: { seq: "asc" },
    take: MOST_OF_FILE,
  });
  return events.flatMap(({ data }) => {
    const { kind, text } = data as { kind?: unknown; text?: unknown };
    if (typeof text !== "string") return [];
    const [told] = parseLearnings(`- [${kindOf(kind)}] ${redact(text).replace(/\n/g, "\n  ")}`, 1);
    return told ? [told] : [];
  });
}

function kindOf(kind: unknown): LearningKind {
  return learningKind.safeParse(kind).data ?? "pattern";
}

function solution(failing: string, rootCause: string, more: string[], files: string[]): ParsedLearning {
  const short = failing.length > FAILING_CHARS ? `${failing.slice(0, FAILING_CHARS)}…` : failing;
  return {
    kind: "error-solution",
    title: short,
    text: [`Failed: ${failing}`, `Root cause: ${rootCause}`, ...more].join("\n"),
    files,
  };
}
