// The one list of pipeline steps, with the part of the progress bar that each one fills.

export const STEPS = [
  "setup",
  "plan",
  "generate",
  "testgen",
  "lint",
  "test",
  "fix",
  "bundle",
  "review",
  "verify",
  "judge",
  "qa",
  "gates",
  "evidence",
  "deliver",
  "learn",
] as const;
export type Step = (typeof STEPS)[number];

/** Raised when step ids of the engine functions change; a job goes on with the version that it began with. */
export const PIPELINE_VERSION = 1;

export const PROGRESS = { setup: 0.05, planned: 0.1, tasksDone: 0.75, validated: 0.9, delivered: 1 } as const;

const WITHIN_TASK: Partial<Record<Step, number>> = {
  generate: 0,
  testgen: 0.4,
  lint: 0.7,
  test: 0.8,
  fix: 0.85,
};

/**
 * Progress of a job whose candidates work for it: between its plan and its last task, as far as they are on average.
 * @param candidates how far each is, and whether nothing more can come of it
 * @returns a fraction of the whole job, in whole hundredths
 */
export function candidatesProgress(candidates: readonly { progress: number; over: boolean }[]): number {
  const sum = candidates.reduce((total, { progress, over }) => total + (over ? 1 : progress), 0);
  const share = sum / Math.max(1, candidates.length);
  const reached = PROGRESS.planned + (PROGRESS.tasksDone - PROGRESS.planned) * share;
  return Math.floor(reached * 100 + 1e-9) / 100;
}

/**
 * Progress inside the task list.
 * @param n task being worked on, from 1
 * @param of number of tasks
 * @param step step of this task that begins now
 * @returns a fraction of the whole job
 */
export function taskProgress(n: number, of: number, step: Step): number {
  const share = (PROGRESS.tasksDone - PROGRESS.planned) / Math.max(1, of);
  // The merge of a base that moved comes behind the last task.
  return Math.min(PROGRESS.tasksDone, PROGRESS.planned + share * (n - 1 + (WITHIN_TASK[step] ?? 0)));
}
