// The only definitions of what people and programs may send. Forms, routers, REST, CLI and OpenAPI derive from them.
import { z } from "zod";
import { DEPLOY_TARGETS } from "./deploy-targets";
import { branchName, cleanText, line, modelChoice, projectName, relativePath } from "./fields";
import { jobId } from "./ids";
import { JOB_STATES } from "./job-state";
import { AGENTS } from "./needs";
import { priorityInput } from "./priority";
import { role } from "./roles";
import { parseStack, STACK_NAMES } from "./stacks";

const techStack = cleanText(300).transform((list, ctx) => {
  const { names, unknown } = parseStack(list);
  if (unknown.length > 0) {
    ctx.addIssue({
      code: "custom",
      message: `unknown technology: ${unknown.join(", ")}. Known are: ${STACK_NAMES.join(", ")}`,
    });
    return z.NEVER;
  }
  return names;
});

const count = (min: number, max: number) => z.number().int().min(min).max(max);

/** Each target once. Left out: no bundle is written. */
const deployTargets = z
  .array(
    z.enum(DEPLOY_TARGETS, {
      error: ({ input }) =>
        `unknown deploy target: ${typeof input === "string" ? input.slice(0, 60) : typeof input}. Known are: ${DEPLOY_TARGETS.join(", ")}`,
    }),
  )
  .max(DEPLOY_TARGETS.length, `at most these deploy targets: ${DEPLOY_TARGETS.join(", ")}`)
  .refine((names) => new Set(names).size === names.length, "name each deploy target once");

export const createJobInput = z.strictObject({
  title: line(200),
  description: cleanText(50_000).default(""),
  /** Left out: Node for something new; what is found there for a change. */
  tech_stack: techStack.optional(),
  features: z.array(line(300)).max(50).default([]),
  type: line(40).optional(),
  priority: priorityInput.default("medium"),
  budget_usd: z.number().positive().max(10_000).optional(),
  /** Left out: what the project says, else 5. */
  max_fixes: count(0, 20).optional(),
  depends_on: z.array(jobId).max(100).default([]),
  files: z.array(relativePath).max(500).default([]),
  reference_files: z.array(relativePath).max(100).default([]),
  required_patterns: z.array(line(300)).max(100).default([]),
  required_tests: z.array(line(300)).max(200).default([]),
  context: cleanText(50_000).optional(),
  spec: cleanText(200_000).optional(),
  models: z.partialRecord(role, modelChoice).default({}),
  /** Role → the model that answers when the first one cannot. Left out: what the project and the factory say. */
  fallback_models: z.partialRecord(role, modelChoice).default({}),
  /** A person reads the plan, and approves it or asks for changes, before anything is built. */
  approve_plan: z.boolean().default(false),
  /** The job is worked out so many times side by side, and the best is taken. All draw on its budget. */
  candidates: count(1, 8).default(1),
  /** Some of the tests are kept from those who write the code, and run only at the end. */
  hold_back_tests: z.boolean().default(true),
  /** Places for which a deploy bundle is written; the factory runs none of it. */
  deploy_targets: deployTargets.default([]),
  /** Who does the work: the factory's own agents, or an agent of somebody else's that is connected (`fabrica ralph`). */
  agent: z.enum(AGENTS).default("factory"),
  source: line(40).optional(),
  source_id: line(200).optional(),
  source_url: z
    .url({ protocol: /^https?$/ })
    .max(2000)
    .optional(),
  /** A project of the team: the job changes its repository instead of beginning a new one. */
  project: projectName.optional(),
  /** Instead of the project's default branch. */
  base_branch: branchName.optional(),
  /** Nothing changes that a test could see, so no test has to fail without the change. */
  behaviour_unchanged: z.boolean().default(false),
});
export type CreateJobInput = z.infer<typeof createJobInput>;

export const jobRef = z.strictObject({ id: jobId });

/** `cursor` is what the page before gave as `next_cursor`. */
export const listJobsInput = z.strictObject({
  state: z.enum(JOB_STATES).optional(),
  search: cleanText(200).optional(),
  /** Jobs of one project only. */
  project: projectName.optional(),
  /** The parts of one job, such as its candidates; left out: jobs that are no part of another. */
  parent: jobId.optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z
    .string()
    .regex(/^\d{1,19}$/, "not a cursor of this list")
    .optional(),
});
export type ListJobsInput = z.infer<typeof listJobsInput>;

export const setPriorityInput = z.strictObject({ id: jobId, priority: priorityInput });

export const setDependenciesInput = z.strictObject({ id: jobId, depends_on: z.array(jobId).max(100) });

export const setBudgetInput = z.strictObject({
  id: jobId,
  budget_usd: z.number().positive().max(10_000),
  /** The job goes on at once when it waits for money. */
  resume: z.boolean().default(false),
});

export const peekInput = z.strictObject({ limit: z.coerce.number().int().min(1).max(200).default(20) });

export const loginInput = z.strictObject({ username: line(320), password: z.string().min(1).max(1000) });
export const refreshInput = z.strictObject({ refresh_token: z.string().min(20).max(200) });

export const setupInput = z.strictObject({
  email: z.email().max(320),
  username: z
    .string()
    .regex(
      /^[a-z0-9][a-z0-9._-]{1,39}$/,
      "2 to 40 of a-z, 0-9, dot, dash, underscore; starts with a letter or digit",
    ),
  password: z.string().min(10, "at least 10 characters").max(1000),
  team: line(80).default("Main"),
});

export const workerRef = z.strictObject({
  id: z.string().regex(/^worker-[0-9A-Z]{4,12}$/, "not a worker id"),
});
