// What the API answers with. Times are ISO 8601 in UTC, money dollars, `status` is the state.
import { z } from "zod";
import { DEPLOY_TARGETS } from "./deploy-targets";
import { JOB_KINDS } from "./job-kind";
import { JOB_STATES } from "./job-state";
import { LANES } from "./lane";
import { AGENTS } from "./needs";
import { PRIORITIES } from "./priority";
import { STEPS } from "./steps";
import { WAITING_CODES } from "./waiting";

const time = z.string();

export const changesView = z.object({
  files: z.array(z.object({ path: z.string(), added: z.number(), removed: z.number(), status: z.string() })),
  added: z.number(),
  removed: z.number(),
});
export type ChangesView = z.infer<typeof changesView>;

export const testResultsView = z.object({
  passed: z.number(),
  failed: z.number(),
  skipped: z.number(),
  total: z.number(),
});
export type TestResultsView = z.infer<typeof testResultsView>;

export const jobView = z.object({
  job_id: z.string(),
  kind: z.enum(JOB_KINDS),
  status: z.enum(JOB_STATES),
  title: z.string(),
  description: z.string(),
  type: z.string().nullable(),
  features: z.array(z.string()),
  tech_stack: z.array(z.string()),
  priority: z.enum(PRIORITIES),
  run: z.number(),
  current_step: z.enum(STEPS).nullable(),
  /** 0 to 1, never falls within a run. */
  progress: z.number(),
  iterations: z.number(),
  worker_id: z.string().nullable(),
  /** Where it waits or works: each lane may have a limit. */
  lane: z.enum(LANES),
  /** Why it is not being worked on, in one sentence. */
  waiting_reason: z.string().nullable(),
  waiting_code: z.enum(WAITING_CODES).nullable(),
  /** When a paused job goes on by itself. */
  wakes_at: time.nullable(),
  budget_usd: z.number(),
  cost_usd: z.number(),
  max_fixes: z.number(),
  branch: z.string().nullable(),
  output_path: z.string().nullable(),
  error_code: z.string().nullable(),
  error_message: z.string().nullable(),
  changes: changesView.nullable(),
  test_results: testResultsView.nullable(),
  depends_on: z.array(z.string()),
  /** The project that it changes; null for a new one. */
  project: z.string().nullable(),
  base_branch: z.string().nullable(),
  /** Commit of the remote that the work stands on. */
  base_commit: z.string().nullable(),
  behaviour_unchanged: z.boolean(),
  approve_plan: z.boolean(),
  candidates: z.number(),
  hold_back_tests: z.boolean(),
  /** Places for which it brings a deploy bundle. */
  deploy_targets: z.array(z.enum(DEPLOY_TARGETS)),
  agent: z.enum(AGENTS),
  /** The job that it is a part of. */
  parent: z.string().nullable(),
  /** Of a candidate: its number among those of its job, and the way that it is to try. */
  candidate: z.number().nullable(),
  approach: z.string().nullable(),
  source: z.string().nullable(),
  source_id: z.string().nullable(),
  source_url: z.string().nullable(),
  last_seq: z.number(),
  created_at: time,
  queued_at: time.nullable(),
  started_at: time.nullable(),
  completed_at: time.nullable(),
  elapsed_seconds: z.number().nullable(),
});
export type JobView = z.infer<typeof jobView>;

export const jobPage = z.object({ jobs: z.array(jobView), next_cursor: z.string().nullable() });

export const taskView = z.object({ n: z.number(), title: z.string(), done: z.boolean(), fixes: z.number() });

export const checkView = z.object({
  key: z.string(),
  kind: z.enum(["setup", "lint", "test", "verify", "held_back", "review", "deploy"]),
  passed: z.boolean(),
  at: time,
  report: z.unknown(),
});
export type CheckView = z.infer<typeof checkView>;

export const fileView = z.object({ path: z.string(), size: z.number() });

/** One of several ways in which a job is worked out, beside the others. */
export const candidateView = z.object({
  job_id: z.string(),
  n: z.number(),
  status: z.enum(JOB_STATES),
  /** Title of the way that it tries; null when none was named. */
  approach: z.string().nullable(),
  /** Who writes its code, as provider and model. */
  model: z.string(),
  current_step: z.enum(STEPS).nullable(),
  progress: z.number(),
  tests: z.object({ passed: z.number(), failed: z.number() }).nullable(),
  held_back: z.object({ passed: z.number(), failed: z.number() }).nullable(),
  /** Problems that the linters found at the end. */
  lint: z.number().nullable(),
  /** Against the plan, without what the factory itself keeps in the workspace. */
  diff: z.object({ files: z.number(), added: z.number(), removed: z.number() }).nullable(),
  cost_usd: z.number(),
  turns: z.number(),
  duration_seconds: z.number().nullable(),
  error: z.string().nullable(),
  chosen: z.boolean(),
  /** Why it was taken or not; null until one is. */
  why: z.string().nullable(),
});
export type CandidateView = z.infer<typeof candidateView>;

/** Everything of a job page that is not its event log. */
export const jobDetailView = z.object({
  job: jobView,
  spec: z.string().nullable(),
  tasks: z.array(taskView),
  /** The ways in which its present run is worked out side by side; empty when there is one only. */
  candidates: z.array(candidateView),
  checks: z.array(checkView),
  files: z.array(fileView),
  deliveries: z.array(
    z.object({ target: z.string(), path: z.string().nullable(), commit: z.string(), at: time.nullable() }),
  ),
  spend: z.array(
    z.object({
      role: z.string(),
      provider: z.string(),
      model: z.string(),
      calls: z.number(),
      input_tokens: z.number(),
      output_tokens: z.number(),
      cached_tokens: z.number(),
      cost_usd: z.number(),
    }),
  ),
});
export type JobDetailView = z.infer<typeof jobDetailView>;

export const workerView = z.object({
  worker_id: z.string(),
  status: z.enum(["idle", "busy", "draining", "error", "dead"]),
  /** Why it takes no job, when its host cannot just now. */
  trouble: z.string().nullable(),
  current_job_id: z.string().nullable(),
  model: z.string(),
  jobs_completed: z.number(),
  jobs_failed: z.number(),
  avg_job_duration: z.number().nullable(),
  runner: z.string(),
  driver: z.string(),
  probe: z.array(z.object({ name: z.string(), result: z.string(), detail: z.string() })),
  programs: z.record(z.string(), z.string()),
  /** Images of projects that its sandboxes may be made of besides the runner's own. */
  images: z.array(z.string()),
  /** Who does the work here: the factory's agents, or somebody else's. */
  agent: z.enum(AGENTS),
  heartbeat_at: time,
});
export type WorkerView = z.infer<typeof workerView>;

export const queueStatsView = z.object({
  counts: z.record(z.enum(JOB_STATES), z.number()),
  waiting: z.number(),
  throughput_last_hour: z.number(),
  wait_seconds: z.object({ avg: z.number().nullable(), max: z.number().nullable() }),
  duration_seconds: z.object({ avg: z.number().nullable(), max: z.number().nullable() }),
  success_rate: z.number().nullable(),
  /** Jobs that wait and that are held now, the limit, and what ended in the last 24 hours. */
  lanes: z.record(
    z.enum(LANES),
    z.object({
      waiting: z.number(),
      leased: z.number(),
      limit: z.number().nullable(),
      completed: z.number(),
      failed: z.number(),
      wait_seconds: z.number().nullable(),
      duration_seconds: z.number().nullable(),
    }),
  ),
  spent_today_usd: z.number(),
  budget_day_usd: z.number(),
});
export type QueueStatsView = z.infer<typeof queueStatsView>;

export const queuePeekView = z.object({
  jobs: z.array(
    z.object({
      position: z.number(),
      waiting_reason: z.string().nullable(),
      waiting_code: z.enum(WAITING_CODES).nullable(),
      job: jobView,
    }),
  ),
});

/** A file, or a folder with all below it ("src/", "./" for the whole repository), that a job holds. */
export const lockView = z.object({
  project: z.string(),
  path: z.string(),
  /** The root job: corrections work under the locks of the job that they correct. */
  job_id: z.string(),
  title: z.string(),
  /** Said beforehand; false for what was found in the work. */
  declared: z.boolean(),
  until: time,
  /** Jobs that wait for this file. */
  waiting: z.array(z.string()),
});
export type LockView = z.infer<typeof lockView>;

/** `total` counts the locks that are left out, too. */
export const locksView = z.object({ locks: z.array(lockView), total: z.number() });

export const meView = z.object({
  username: z.string(),
  email: z.string(),
  team: z.string(),
  role: z.enum(["admin", "member", "viewer"]),
  teams: z.array(z.object({ slug: z.string(), name: z.string(), role: z.string() })),
});
export type MeView = z.infer<typeof meView>;

export const tokensView = z.object({
  access_token: z.string(),
  refresh_token: z.string(),
  token_type: z.literal("Bearer"),
  expires_in: z.number(),
});

/** What is shown on every screen about the model in use. */
export const factoryView = z.object({
  provider: z.enum(["anthropic", "ollama", "simulation"]),
  model: z.string(),
  simulated: z.boolean(),
});
export type FactoryView = z.infer<typeof factoryView>;

export const healthView = z.object({ status: z.enum(["ok", "degraded"]), version: z.string() });
export const healthDetailView = healthView.extend({
  components: z.record(z.string(), z.object({ ok: z.boolean(), detail: z.string() })),
});
