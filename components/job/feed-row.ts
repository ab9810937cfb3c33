// The rows of the Live tab, in the order in which things happened.
import type { TranscriptPlace } from "@/components/transcripts/transcript-place";
import type { JobState } from "@/server/domain/job-state";
import type { Role } from "@/server/domain/roles";
import type { Step } from "@/server/domain/steps";

interface RowBase {
  key: string;
  at: string;
}

export interface StepRow extends RowBase {
  kind: "step";
  step: Step;
  task: number | null;
}

export interface AgentRow extends RowBase {
  kind: "agent";
  place: TranscriptPlace;
  role: Role;
  model: string;
  task: number | null;
  /** Undefined while it works. */
  ok: boolean | undefined;
  turns: number;
  costUsd: number | null;
  endedAt: string | null;
}

export interface TextRow extends RowBase {
  kind: "text";
  text: string;
}

/** What an agent said at its end. */
export interface SummaryRow extends RowBase {
  kind: "summary";
  ok: boolean;
  text: string;
}

/** One tool call of an agent. `ok` is undefined until its result was observed. */
export interface CallRow extends RowBase {
  kind: "call";
  place: TranscriptPlace;
  tool: string;
  title: string;
  commandId: string | null;
  ok: boolean | undefined;
  observed: string | null;
  endedAt: string | null;
}

/** A program that the factory itself ran, such as a linter. */
export interface CommandRow extends RowBase {
  kind: "command";
  commandId: string;
}

export interface CheckRow extends RowBase {
  kind: "check";
  check: string;
  passed: boolean;
  /** Looked at before the change: what is red was so before the job. */
  known: boolean;
  summary: string;
}

export interface HealRow extends RowBase {
  kind: "heal";
  n: number;
  max: number;
  failing: string;
  rootCause: string;
  files: readonly string[];
  result: string;
}

/** What a person said to the agents, or of the plan. */
export interface SaidRow extends RowBase {
  kind: "said";
  author: string;
  text: string;
  /** What it was about; null for a message to the agents. */
  about: string | null;
  /** "waiting" for the next turn; "unread" when the run ended before one came, "missed" when the job was done by then. */
  state: "waiting" | "read" | "unread" | "missed";
  /** Which turn read it. */
  reader: TranscriptPlace | null;
}

export interface NoteRow extends RowBase {
  kind: "note";
  tone: "plain" | "warn";
  text: string;
}

export interface MoveRow extends RowBase {
  kind: "move";
  to: JobState;
  text: string;
}

export type FeedRow =
  | StepRow
  | AgentRow
  | TextRow
  | SummaryRow
  | CallRow
  | CommandRow
  | CheckRow
  | HealRow
  | SaidRow
  | NoteRow
  | MoveRow;
