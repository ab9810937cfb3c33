// The kinds of job. What each may do is in product.md's state table; code asks through these names only.
export const JOB_KINDS = ["build", "change", "epic", "correction", "followup", "candidate"] as const;
export type JobKind = (typeof JOB_KINDS)[number];

/** What of a job says what its work is on. */
interface Worked {
  kind: JobKind;
  projectId: unknown;
  baseRoot: string | null;
}

/** The kind whose work a job does: a candidate does that of its parent, something new or a change. */
export function workKind({ kind, projectId, baseRoot }: Worked): JobKind {
  if (kind !== "candidate") return kind;
  return projectId === null && baseRoot === null ? "build" : "change";
}
