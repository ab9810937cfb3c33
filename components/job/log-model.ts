// What the log of a job is made of: the folded view of its events. Types and the empty log, nothing that acts.
import type { JobEvent } from "@/server/domain/events";
import type { JobState } from "@/server/domain/job-state";
import type { Step } from "@/server/domain/steps";
import type { FeedRow, SaidRow } from "./feed-row";

export interface TimelineStep {
  key: string;
  step: Step;
  task: number | null;
  /** Counts the fixes of a task from 1; 0 for other steps. */
  fix: number;
  startedAt: string;
  endedAt: string | null;
  /** Undefined while nothing was decided. */
  passed: boolean | undefined;
  /** The agent run that worked in it, the last one when there were several. */
  agentRun: string | null;
}

export interface Output {
  stream: "stdout" | "stderr";
  text: string;
}

/** A program that ran in the sandbox. `exitCode` is undefined while it runs, null when it was ended from outside. */
export interface CommandLog {
  id: string;
  title: string;
  startedAt: string;
  output: readonly Output[];
  exitCode: number | null | undefined;
  durationMs: number | null;
  /** When it was given up, e.g. because its worker was lost. A later start of the same command clears it. */
  droppedAt: string | null;
  note: string | null;
}

export interface JobLog {
  run: number;
  lastSeq: number;
  state: JobState | null;
  progress: number;
  iteration: number;
  workerId: string | null;
  costUsd: number | null;
  events: readonly JobEvent[];
  timeline: readonly TimelineStep[];
  rows: readonly FeedRow[];
  /** What people said and no agent has read yet; it becomes a row when it is read, or when the run ends without that. */
  waiting: readonly SaidRow[];
  /** Key of a row → its place in `rows`. */
  places: ReadonlyMap<string, number>;
  commands: ReadonlyMap<string, CommandLog>;
  doneTasks: ReadonlySet<number>;
}

export const EMPTY_LOG: JobLog = {
  run: 0,
  lastSeq: 0,
  state: null,
  progress: 0,
  iteration: 0,
  workerId: null,
  costUsd: null,
  events: [],
  timeline: [],
  rows: [],
  waiting: [],
  places: new Map(),
  commands: new Map(),
  doneTasks: new Set(),
};

/** A log that belongs to one batch and may be written while it is folded. */
export interface OpenLog extends JobLog {
  events: JobEvent[];
  timeline: TimelineStep[];
  rows: FeedRow[];
  waiting: SaidRow[];
  places: Map<string, number>;
  commands: Map<string, CommandLog>;
  doneTasks: Set<number>;
}
