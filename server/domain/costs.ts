// What was paid, to whom and what for: inputs and answers of the cost API. Money is dollars with six decimals, which
// are whole micro-dollars: whatever is added up of one answer gives its total exactly.
import { z } from "zod";
import { jobId } from "./ids";
import { JOB_KINDS } from "./job-kind";

/** By what a team's costs are put together. */
export const COST_GROUPS = ["day", "role", "model", "provider", "project", "job"] as const;
export type CostGroup = (typeof COST_GROUPS)[number];

/** Days of one answer at most. */
export const MAX_COST_DAYS = 366;
const DAY_MS = 86_400_000;

/** Before the factory's time there are no costs, and before the year 1 no days that every program writes alike. */
const FIRST_DAY = "1970-01-01";
const day = z.iso
  .date("must be a day such as 2026-11-21")
  .refine((given) => given >= FIRST_DAY, `must not be before ${FIRST_DAY}`);

export const teamCostsInput = z
  .strictObject({
    /** First and last day, in UTC. Left out: the last 30 days. */
    from: day.optional(),
    to: day.optional(),
    by: z.enum(COST_GROUPS).default("day"),
  })
  .superRefine(({ from, to }, ctx) => {
    if (from === undefined || to === undefined) return;
    const days = (Date.parse(to) - Date.parse(from)) / DAY_MS + 1;
    if (days < 1) ctx.addIssue({ code: "custom", path: ["from"], message: `is after to, ${to}` });
    if (days > MAX_COST_DAYS)
      ctx.addIssue({
        code: "custom",
        path: ["from"],
        message: `at most ${MAX_COST_DAYS} days in one answer`,
      });
  });
export type TeamCostsInput = z.infer<typeof teamCostsInput>;

export const costCallsInput = z.strictObject({
  id: jobId,
  limit: z.coerce.number().int().min(1).max(200).default(50),
  /** What the page before gave as `next_cursor`. */
  cursor: z
    .string()
    .regex(/^\d{1,18}$/, "not a cursor of this list")
    .optional(),
});
export type CostCallsInput = z.infer<typeof costCallsInput>;

/** Null: what the factory's setting says. */
export const dayBudgetInput = z.strictObject({
  budget_day_usd: z.number().positive().max(1_000_000).nullable(),
});
export type DayBudgetInput = z.infer<typeof dayBudgetInput>;

const line = {
  calls: z.number(),
  /** All that went in, whether it was read from a cache or not. */
  input_tokens: z.number(),
  output_tokens: z.number(),
  cached_tokens: z.number(),
  cost_usd: z.number(),
};
export const costLine = z.object(line);
export type CostLine = z.infer<typeof costLine>;

/** What a cap says now. */
const capView = z.object({ budget_usd: z.number(), spent_usd: z.number(), reserved_usd: z.number() });

export const jobCostsView = z.object({
  job_id: z.string(),
  /** The cap that this job draws on: its own, or that of the job it is a part of. */
  cap: capView.extend({ job_id: z.string() }),
  /** The cap of the team's day. */
  day: capView,
  /** Of this job and, for the one that has the cap, of everything below it. */
  total: costLine,
  /** Part of the total that nobody knows exactly: calls that broke off are charged as reserved. */
  estimated_usd: z.number(),
  by_role: z.array(z.object({ role: z.string(), ...line })),
  by_model: z.array(z.object({ provider: z.string(), model: z.string(), ...line })),
  /** `agent_run` is null for calls of external agents. */
  by_agent_run: z.array(
    z.object({
      job_id: z.string(),
      run: z.number(),
      agent_run: z.string().nullable(),
      role: z.string(),
      turns: z.number(),
      ...line,
    }),
  ),
  /** Round 0 is what was done before the first fix; null for work that belongs to no task. */
  by_round: z.array(
    z.object({
      job_id: z.string(),
      run: z.number(),
      task: z.number().nullable(),
      round: z.number().nullable(),
      ...line,
    }),
  ),
  by_job: z.array(z.object({ job_id: z.string(), title: z.string(), kind: z.enum(JOB_KINDS), ...line })),
  by_day: z.array(z.object({ day: z.string(), ...line })),
});
export type JobCostsView = z.infer<typeof jobCostsView>;

export const costCallsView = z.object({
  calls: z.array(
    z.object({
      id: z.string(),
      job_id: z.string(),
      run: z.number(),
      agent_run: z.string().nullable(),
      turn: z.number().nullable(),
      role: z.string(),
      provider: z.string(),
      model: z.string(),
      /** `reserved`: under way. `estimated`: it broke off, and is charged in full. `released`: it cost nothing. */
      state: z.enum(["reserved", "settled", "estimated", "released"]),
      input_tokens: z.number(),
      output_tokens: z.number(),
      cached_tokens: z.number(),
      reserved_usd: z.number(),
      cost_usd: z.number(),
      at: z.string(),
    }),
  ),
  next_cursor: z.string().nullable(),
});
export type CostCallsView = z.infer<typeof costCallsView>;

export const teamCostsView = z.object({
  from: z.string(),
  to: z.string(),
  by: z.enum(COST_GROUPS),
  /** Dearest first, days in their order. `key` is null for work without a project. */
  rows: z.array(z.object({ key: z.string().nullable(), label: z.string(), ...line })),
  /** Sum of the rows that are too many to be named. */
  others: costLine.nullable(),
  total: costLine,
  /** The cap of the team's day; `own` is false while the factory's setting holds. */
  day: capView.extend({ own: z.boolean() }),
});
export type TeamCostsView = z.infer<typeof teamCostsView>;

/**
 * Task and round of an agent run, as its key names them: "task-2/coder" is round 0, "task-2/fix-3" round 3.
 * What belongs to a task without being a numbered round, such as a look for causes, counts with round 0.
 */
export function roundOf(agentRun: string | null): { task: number | null; round: number | null } {
  const task = /^task-(\d+)\//.exec(agentRun ?? "");
  if (!task) return { task: null, round: null };
  const fix = /^task-\d+\/fix-(\d+)/.exec(agentRun ?? "");
  return { task: Number(task[1]), round: fix ? Number(fix[1]) : 0 };
}
