// The kinds of job. What each may do is in product.md's state table; code asks through these names only.
export const JOB_KINDS = ["build", "change", "epic", "correction", "followup", "candidate"] as const;
export type JobKind = (typeof JOB_KINDS)[number];
