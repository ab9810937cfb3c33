// Learnings: what jobs and people found out and later jobs are told. What may be sent, what is answered.
import { z } from "zod";
import { cleanText, line, projectName, relativePath } from "./fields";
import { jobId } from "./ids";
import { LEARNING_KINDS, TEXT_CHARS, TITLE_CHARS } from "./learning-kinds";
import { STACK_NAMES, type StackName } from "./stacks";

export const learningKind = z.enum(LEARNING_KINDS);
export type LearningKind = z.infer<typeof learningKind>;

/** Who says it: a job that found it out, a person, or a file that was read in. */
export const LEARNING_ORIGINS = ["job", "person", "file"] as const;
export type LearningOrigin = (typeof LEARNING_ORIGINS)[number];

/** How a run of a job ended for the learnings that its agents were told. */
export const LEARNING_OUTCOMES = ["first_attempt", "with_fixes", "failed", "cancelled"] as const;
export type LearningOutcome = (typeof LEARNING_OUTCOMES)[number];

export const MOST_FILES = 20;

/** A learning before it is stored. */
export interface NewLearning {
  kind: LearningKind;
  title: string;
  text: string;
  stack: string[];
  files: string[];
}

const stackName = z.enum(STACK_NAMES as [StackName, ...StackName[]]);
const limit = z.coerce.number().int().min(1).max(200).default(50);

const fields = {
  kind: learningKind,
  title: line(TITLE_CHARS),
  text: cleanText(TEXT_CHARS).trim().min(1, "must not be empty"),
  /** The repository that it is about; null when it holds anywhere. */
  project: projectName.nullable(),
  stack: z.array(stackName).max(STACK_NAMES.length),
  files: z.array(relativePath).max(MOST_FILES),
};

export const createLearningInput = z.strictObject({
  ...fields,
  project: fields.project.default(null),
  stack: fields.stack.default([]),
  files: fields.files.default([]),
  pinned: z.boolean().default(false),
});
export type CreateLearningInput = z.infer<typeof createLearningInput>;

const learningId = z.string().regex(/^[1-9]\d{0,17}$/, "not the id of a learning");
export const learningRef = z.strictObject({ id: learningId });

/** What is left out stays as it is. */
export const editLearningInput = z.strictObject({ id: learningId, ...z.object(fields).partial().shape });
export type EditLearningInput = z.infer<typeof editLearningInput>;

/** `cursor` is what the page before gave as `next_cursor`. */
export const listLearningsInput = z.strictObject({
  kind: learningKind.optional(),
  project: projectName.optional(),
  stack: stackName.optional(),
  /** Those that this job found out. */
  job: jobId.optional(),
  pinned: z.enum(["true", "false"]).optional(),
  limit,
  cursor: learningId.optional(),
});
export type ListLearningsInput = z.infer<typeof listLearningsInput>;

export const searchLearningsInput = z.strictObject({
  q: line(1_000),
  kind: learningKind.optional(),
  project: projectName.optional(),
  stack: stackName.optional(),
  pinned: z.enum(["true", "false"]).optional(),
  limit: z.coerce.number().int().min(1).max(50).default(20),
});
export type SearchLearningsInput = z.infer<typeof searchLearningsInput>;

/** Markdown files with learnings in them; a request may have 1 MB. */
export const importLearningsInput = z.strictObject({
  files: z
    .array(z.strictObject({ path: line(1_000), text: cleanText(500_000) }))
    .min(1, "must have a file")
    .max(200),
  project: projectName.nullable().default(null),
  stack: fields.stack.default([]),
});
export type ImportLearningsInput = z.infer<typeof importLearningsInput>;

export const learningView = z.object({
  id: z.string(),
  kind: learningKind,
  title: z.string(),
  text: z.string(),
  origin: z.enum(LEARNING_ORIGINS),
  /** The job that found it out first. */
  job: z.string().nullable(),
  project: z.string().nullable(),
  stack: z.array(z.string()),
  files: z.array(z.string()),
  pinned: z.boolean(),
  /** -1 to 1: how the jobs ended whose agents were told it. */
  score: z.number(),
  /** How many agent runs of jobs that are over were told it. */
  uses: z.number(),
  /** How often it was found. */
  found: z.number(),
  created_at: z.string(),
  edited_at: z.string().nullable(),
  found_at: z.string(),
});
export type LearningView = z.infer<typeof learningView>;

export const learningPage = z.object({
  learnings: z.array(learningView),
  next_cursor: z.string().nullable(),
});

export const learningHits = z.object({
  /** Best first. */
  learnings: z.array(learningView.extend({ relevance: z.number() })),
  /** How it was looked for, and why not otherwise. */
  by: z.enum(["text", "text and meaning"]),
  note: z.string().nullable(),
});
export type LearningHits = z.infer<typeof learningHits>;

export const importedView = z.object({
  /** New ones, those that were there already, and sections that were none. */
  taken: z.number(),
  known: z.number(),
  skipped: z.number(),
});
export type ImportedView = z.infer<typeof importedView>;

export const jobLearningsView = z.object({
  /** What its agents were told, best first within each agent run. */
  given: z.array(
    z.object({
      run: z.number(),
      agent_run: z.string(),
      rank: z.number(),
      outcome: z.enum(LEARNING_OUTCOMES).nullable(),
      learning: learningView.nullable(),
    }),
  ),
  /** What was found out by it. */
  taken: z.array(learningView),
});
export type JobLearningsView = z.infer<typeof jobLearningsView>;
