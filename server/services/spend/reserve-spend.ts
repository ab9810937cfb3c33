// Money first (invariant 11): before a model call its upper cost is reserved in the transaction that allows it.
// Everything that belongs to a root job draws on the root's cap and on its team's day.
import { type Db, runStatement, type Tx } from "../../db";
import { EXECUTING, JOB_STATES } from "../../domain/job-state";
import { MIN_ANSWER_TOKENS, toMicro } from "../../domain/money";
import type { Role } from "../../domain/roles";
import { env } from "../../env";
import { type Job, Prisma } from "../../generated/prisma/client";
import { type Price, tokensFor, upperBoundMicro } from "../../models/prices";

/** After this long past a call's deadline an unsettled reservation is charged in full, in seconds. */
export const GRACE_SECONDS = 60;

export interface ReserveSpend {
  job: Job;
  /** Unique for this one call. */
  key: string;
  /** Key of the agent run, and the turn, that it is for; left out for calls of external agents. */
  agentRun?: string;
  turn?: number;
  role: Role;
  provider: string;
  model: string;
  price: Price;
  /** Upper bound of the tokens that go in. */
  inputTokens: number;
  /** What the role may answer at most, in tokens. */
  maxTokens: number;
  /** When the call will have ended for sure, in milliseconds from now. */
  timeoutMs: number;
}

export type Reservation =
  | { allowed: true; maxTokens: number }
  /** `waits`: only others' open calls stand in the way. `known`: the key is taken. `over`: the job was stopped or paused. */
  | { allowed: false; why: "waits"; message: string }
  | { allowed: false; why: "over"; message: string }
  | { allowed: false; why: "known"; message: string }
  | ({ allowed: false; why: "cap"; message: string } & ReachedCap);

/** The money is spent: whose, and the cap as it was seen, in micro-dollars. */
export interface ReachedCap {
  /** `job`: the root job's. `day`: the team's of this day. */
  whose: "job" | "day";
  cap: bigint;
}

/** Reserves the upper cost of one call, or says why not. */
export async function reserveSpend(db: Db, request: ReserveSpend): Promise<Reservation> {
  const fast = await reserveAll(db, request);
  return fast ?? db.$transaction((tx) => reserveRest(tx, request));
}

/** Whether somebody may still ask on behalf of the job: a call that was not yet made when it was stopped costs nothing. */
const asksStill = ({
  id,
  run,
}: Job) => Prisma.sql`EXISTS (SELECT 1 FROM job asking WHERE asking.id = ${id}::bigint
  AND asking.run = ${run}::int AND asking.state::text = ANY(${JOB_STATES.filter((state) => EXECUTING[state])}::text[]))`;

const KNOWN: Reservation = { allowed: false, why: "known", message: "this call was made before" };

const costOf = ({ price, inputTokens }: ReserveSpend, maxTokens: number) =>
  BigInt(upperBoundMicro(price, { inputTokens, maxTokens }));

/**
 * The usual case in one statement: the money buys all that the role may answer. The root job is locked before the
 * day, as everywhere.
 * @returns null when the money does not reach or the root job was changed at this moment: both take a closer look
 */
async function reserveAll(db: Db, request: ReserveSpend): Promise<Reservation | null> {
  const { job, key, maxTokens } = request;
  const rootId = job.rootId ?? job.id;
  const reserved = costOf(request, maxTokens);
  const rows = await runStatement<{ made: boolean; known: boolean }>(
    db,
    Prisma.sql`
    WITH root AS (
      SELECT held.id, held.day_cap FROM (
        SELECT j.id, j.xmin AS version,
          COALESCE(t.budget_day_micro_usd, ${toMicro(env().BUDGET_DAY_USD)}::bigint) AS day_cap
        FROM job j JOIN team t ON t.id = ${job.teamId}
        WHERE j.id = ${rootId}
          AND j.budget_micro_usd - j.spent_micro_usd - j.reserved_micro_usd >= ${reserved}::bigint
          AND COALESCE(t.budget_day_micro_usd, ${toMicro(env().BUDGET_DAY_USD)}::bigint) >= ${reserved}::bigint
          AND NOT EXISTS (SELECT 1 FROM spend WHERE key = ${key}) AND ${asksStill(job)}
        FOR UPDATE OF j
      ) held
      -- Not when it was changed while it was waited for: who asks, and for what, is seen as it was before (adr 28).
      WHERE held.version = (SELECT xmin FROM job WHERE id = ${rootId})
    ), day AS (
      INSERT INTO daily_spend (team_id, day, reserved_micro)
      SELECT ${job.teamId}, (now() AT TIME ZONE 'UTC')::date, ${reserved}::bigint FROM root
      ON CONFLICT (team_id, day) DO UPDATE SET reserved_micro = daily_spend.reserved_micro + EXCLUDED.reserved_micro
        WHERE daily_spend.spent_micro + daily_spend.reserved_micro + EXCLUDED.reserved_micro
          <= (SELECT day_cap FROM root)
      RETURNING day
    ), made AS (
      ${insertSpend(request, reserved)} FROM day RETURNING root_job_id
    ), held AS (
      UPDATE job SET reserved_micro_usd = reserved_micro_usd + ${reserved}::bigint
      WHERE id IN (SELECT root_job_id FROM made)
    )
    SELECT EXISTS (SELECT 1 FROM made) AS made, EXISTS (SELECT 1 FROM spend WHERE key = ${key}) AS known`,
  );
  if (rows[0]?.made) return { allowed: true, maxTokens };
  if (rows[0]?.known) return KNOWN;
  return null;
}

/** To be continued with the row that gives `day`. */
function insertSpend({ key, job, ...call }: ReserveSpend, reserved: bigint): Prisma.Sql {
  return Prisma.sql`
    INSERT INTO spend (key, team_id, root_job_id, job_id, run, agent_run, turn, role, provider, model, day,
      reserved_micro, deadline)
    SELECT ${key}, ${job.teamId}, ${job.rootId ?? job.id}, ${job.id}, ${job.run}::int, ${call.agentRun ?? null}::text,
      ${call.turn ?? null}::int, ${call.role}, ${call.provider}, ${call.model}, day, ${reserved}::bigint, now() + make_interval(secs => ${call.timeoutMs / 1000}::float8)`;
}

/** Buys as much of an answer as the remainder of the money does, or finds out what stands in the way. */
async function reserveRest(tx: Tx, request: ReserveSpend): Promise<Reservation> {
  const rootId = request.job.rootId ?? request.job.id;
  const { day, root, team } = await lockBudgets(tx, rootId, request.job.teamId);
  const [now] = await tx.$queryRaw<{ asks: boolean; known: boolean }[]>`
    SELECT ${asksStill(request.job)} AS asks, EXISTS (SELECT 1 FROM spend WHERE key = ${request.key}) AS known`;
  if (now?.known) return KNOWN;
  if (!now?.asks) return { allowed: false, why: "over", message: "the job goes on no more" };
  const limit = request.maxTokens;
  const enough = Math.min(MIN_ANSWER_TOKENS, limit);
  const buys = (micro: bigint) =>
    Math.min(limit, tokensFor(request.price, Number(micro), request.inputTokens));
  const free = smaller(root.cap - root.spent - root.reserved, team.cap - team.spent - team.reserved);
  const maxTokens = buys(free);
  if (maxTokens < enough) {
    const unspent = smaller(root.cap - root.spent, team.cap - team.spent);
    if (buys(unspent) >= enough)
      return { allowed: false, why: "waits", message: "other calls hold the rest of the budget" };
    const whose = root.cap - root.spent <= team.cap - team.spent ? "job" : "day";
    const of = whose === "day" ? "the team's day" : request.job.id === rootId ? "this job" : "its root job";
    const { cap } = whose === "job" ? root : team;
    return {
      allowed: false,
      why: "cap",
      message: `The budget of ${of} does not buy another answer.`,
      whose,
      cap,
    };
  }
  const reserved = costOf(request, maxTokens);
  await tx.$executeRaw`${insertSpend(request, reserved)} FROM (SELECT ${day}::date AS day) AS d`;
  await tx.$executeRaw`UPDATE job SET reserved_micro_usd = reserved_micro_usd + ${reserved} WHERE id = ${rootId}`;
  await tx.$executeRaw`
    UPDATE daily_spend SET reserved_micro = reserved_micro + ${reserved}
    WHERE team_id = ${request.job.teamId} AND day = ${day}::date`;
  return { allowed: true, maxTokens };
}

interface Budget {
  cap: bigint;
  spent: bigint;
  reserved: bigint;
}

/** Locks always in the same order, root job before team day, so that two calls cannot block each other. */
async function lockBudgets(
  tx: Tx,
  rootId: bigint,
  teamId: bigint,
): Promise<{ day: Date; root: Budget; team: Budget }> {
  const [root] = await tx.$queryRaw<Budget[]>`
    SELECT budget_micro_usd AS cap, spent_micro_usd AS spent, reserved_micro_usd AS reserved
    FROM job WHERE id = ${rootId} FOR UPDATE`;
  await tx.$executeRaw`
    INSERT INTO daily_spend (team_id, day) VALUES (${teamId}, (now() AT TIME ZONE 'UTC')::date) ON CONFLICT DO NOTHING`;
  const [daily] = await tx.$queryRaw<{ day: Date; spent: bigint; reserved: bigint; cap: bigint | null }[]>`
    SELECT d.day, d.spent_micro AS spent, d.reserved_micro AS reserved, t.budget_day_micro_usd AS cap
    FROM daily_spend d JOIN team t ON t.id = d.team_id
    WHERE d.team_id = ${teamId} AND d.day = (now() AT TIME ZONE 'UTC')::date FOR UPDATE OF d`;
  if (!root || !daily) throw new Error("budget rows are missing");
  const cap = daily.cap ?? toMicro(env().BUDGET_DAY_USD);
  return { day: daily.day, root, team: { cap, spent: daily.spent, reserved: daily.reserved } };
}

const smaller = (a: bigint, b: bigint) => (a < b ? a : b);
