/**
 * Checks a factory after accidents, reading only its database, its repositories and its deliveries; from the program
 * itself come only the ids of the jobs whose filing was acknowledged. Adds to the audit of tests/system what holds
 * when nothing is under way any more: every job completed, the books agree, every write was made under its lease.
 */
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { auditDatabase, auditDeliveries } from "@/tests/system/audit";
import type { Factory } from "@/tests/system/factory";

interface Rule {
  fault: string;
  /** Gives one row with the column `what` for each breach. $1, where it is used: public ids of the jobs. */
  sql: string;
}

const OF_JOBS = "j.public_id = ANY($1::text[])";
/** A call's key without its last part, which counts the tries: job, run, agent run, turn. */
const TURN_OF_CALL = "regexp_replace(s.key, '/[0-9]+$', '')";

/** None of the models of these jobs ends in anything but success. */
const LOST: Rule = {
  fault: "lost: a job that did not complete",
  sql: `SELECT j.public_id || ' is ' || j.state || ' in ' || coalesce(j.current_step, 'no step') || ' ('
      || coalesce(j.error_code || ': ' || j.error_message, 'no error') || ')' AS what
    FROM job j WHERE ${OF_JOBS} AND j.state <> 'completed'`,
};

const RULES: Rule[] = [
  {
    fault: "lost: a job that was acknowledged is not there",
    sql: `SELECT a.name AS what FROM unnest($1::text[]) AS a(name)
      WHERE NOT EXISTS (SELECT 1 FROM job j WHERE j.public_id = a.name)`,
  },
  {
    fault: "filed twice: a job that nobody acknowledged",
    sql: "SELECT j.public_id AS what FROM job j WHERE NOT (j.public_id = ANY($1::text[]))",
  },
  {
    fault: "delivered twice, or not of the last commit",
    sql: `SELECT j.public_id || ' ' || coalesce(string_agg(d.target || ' run ' || d.run || ' of ' || d.commit, ', '), 'not at all') AS what
      FROM job j LEFT JOIN delivery d ON d.job_id = j.id WHERE ${OF_JOBS} AND j.state = 'completed' GROUP BY j.id
      HAVING count(*) FILTER (WHERE d.delivered_at IS NOT NULL AND d.commit = j.head_commit AND d.run = j.run) <> 3
        OR count(d.id) <> 3`,
  },
  {
    fault: "the day's cost is not the sum of its calls",
    sql: `SELECT d.day || ': ' || d.spent_micro || ' and ' || d.reserved_micro || ' open, calls ' || s.cost || ' and ' || s.open AS what
      FROM daily_spend d, LATERAL (SELECT coalesce(sum(cost_micro), 0) AS cost,
          coalesce(sum(reserved_micro) FILTER (WHERE state = 'reserved'), 0) AS open
        FROM spend WHERE team_id = d.team_id AND day = d.day) s
      WHERE d.spent_micro <> s.cost OR d.reserved_micro <> s.open`,
  },
  {
    fault: "what is reserved of a job's budget is not the sum of its open calls",
    sql: `SELECT j.public_id || ': ' || j.reserved_micro_usd || ' against ' || s.open AS what FROM job j,
        LATERAL (SELECT coalesce(sum(reserved_micro), 0) AS open FROM spend WHERE root_job_id = j.id AND state = 'reserved') s
      WHERE ${OF_JOBS} AND j.reserved_micro_usd <> s.open`,
  },
  {
    fault: "an agent run's cost is not the sum of its calls",
    sql: `SELECT j.public_id || '/' || r.run || '/' || r.key || ': ' || r.spent_micro_usd || ' against ' || s.cost AS what
      FROM agent_run r JOIN job j ON j.id = r.job_id, LATERAL (SELECT coalesce(sum(cost_micro), 0) AS cost
        FROM spend WHERE job_id = r.job_id AND run = r.run AND agent_run = r.key) s
      WHERE ${OF_JOBS} AND r.spent_micro_usd <> s.cost`,
  },
  {
    fault: "charged twice, or another amount: the turn's cost is not that of its one settled call",
    sql: `SELECT t.key || ': ' || t.cost || ' against ' || coalesce(s.cost, 0) || ' in ' || coalesce(s.n, 0) || ' calls' AS what
      FROM (SELECT j.public_id || '/' || r.run || '/' || r.key || '/' || t.n AS key, t.cost_micro_usd AS cost
        FROM turn t JOIN agent_run r ON r.id = t.agent_run_id JOIN job j ON j.id = r.job_id WHERE ${OF_JOBS}) t
      LEFT JOIN (SELECT ${TURN_OF_CALL} AS key, sum(s.cost_micro) AS cost, count(*) AS n
        FROM spend s WHERE s.state = 'settled' GROUP BY 1) s ON s.key = t.key
      WHERE s.n IS DISTINCT FROM 1 OR s.cost <> t.cost`,
  },
  {
    fault: "the day's count of agent runs is wrong",
    sql: `SELECT d.n || ' against ' || r.n AS what FROM (SELECT sum(agent_runs) AS n FROM daily_spend) d,
        (SELECT count(*) AS n FROM agent_run) r WHERE d.n <> r.n`,
  },
  {
    fault: "stale: a command finished under a lease that its worker never held",
    sql: `SELECT j.public_id || ': ' || c.key || ' by ' || coalesce(c.worker_id, 'nobody') || ' under ' || coalesce(c.fence, -1) AS what
      FROM command c JOIN job j ON j.id = c.job_id WHERE ${OF_JOBS} AND c.state = 'finished'
        AND NOT EXISTS (SELECT 1 FROM job_event e WHERE e.job_id = c.job_id AND e.type = 'lease.claimed'
          AND (e.data->>'fence')::int = c.fence AND e.data->>'worker_id' = c.worker_id)`,
  },
  {
    fault: "stale: written under another lease than the one that held",
    sql: `SELECT j.public_id || ': ' || e.type || ' at ' || e.seq || ' under ' || c.fence || ', held was ' || coalesce(held.fence::text, 'none') AS what
      FROM job_event e JOIN job j ON j.id = e.job_id JOIN command c ON c.id = e.data->>'command_id'
      LEFT JOIN LATERAL (SELECT CASE WHEN l.type = 'lease.claimed' THEN (l.data->>'fence')::int END AS fence
        FROM job_event l WHERE l.job_id = e.job_id AND l.seq < e.seq AND l.type IN ('lease.claimed', 'lease.lost')
        ORDER BY l.seq DESC LIMIT 1) held ON true
      WHERE ${OF_JOBS} AND e.type = 'command.finished' AND c.state = 'finished' AND held.fence IS DISTINCT FROM c.fence`,
  },
  {
    fault: "stale: a commit under another lease than the one that held",
    sql: `SELECT j.public_id || ': ' || t.commit || ' of turn ' || t.n || ' under ' || t.fence || ', held was ' || coalesce(held.fence::text, 'none') AS what
      FROM turn t JOIN agent_run r ON r.id = t.agent_run_id JOIN job j ON j.id = r.job_id
      JOIN job_event e ON e.job_id = j.id AND e.type = 'workspace.committed' AND e.data->>'commit' = t.commit
      LEFT JOIN LATERAL (SELECT CASE WHEN l.type = 'lease.claimed' THEN (l.data->>'fence')::int END AS fence
        FROM job_event l WHERE l.job_id = e.job_id AND l.seq < e.seq AND l.type IN ('lease.claimed', 'lease.lost')
        ORDER BY l.seq DESC LIMIT 1) held ON true
      WHERE ${OF_JOBS} AND held.fence IS DISTINCT FROM t.fence
        AND t.n = (SELECT min(f.n) FROM turn f WHERE f.agent_run_id = t.agent_run_id AND f.commit = t.commit)`,
  },
  {
    fault: "a commit was announced twice",
    sql: `SELECT j.public_id || ': ' || (e.data->>'commit') AS what FROM job_event e JOIN job j ON j.id = e.job_id
      WHERE ${OF_JOBS} AND e.type = 'workspace.committed' GROUP BY j.public_id, e.data->>'commit' HAVING count(*) > 1`,
  },
  {
    fault: "a worker holds two leases",
    sql: `SELECT lease_worker_id AS what FROM job j WHERE lease_worker_id IS NOT NULL AND ${OF_JOBS}
      GROUP BY 1 HAVING count(*) > 1`,
  },
  {
    fault: "the queue's kept counters differ from its log",
    sql: `SELECT t.claims || ' claims, ' || t.completed || ' completed, log ' || e.claims || ', jobs ' || j.completed AS what
      FROM (SELECT coalesce(sum(claims), 0) AS claims, coalesce(sum(completed), 0) AS completed FROM queue_tally) t,
        (SELECT count(*) AS claims FROM job_event WHERE type = 'lease.claimed') e,
        (SELECT count(*) AS completed FROM job WHERE state = 'completed') j
      WHERE t.claims <> e.claims OR t.completed <> j.completed`,
  },
  {
    fault: "the workers' count of completed jobs is wrong",
    sql: `SELECT w.n || ' against ' || j.n AS what FROM (SELECT coalesce(sum(jobs_completed), 0) AS n FROM worker) w,
        (SELECT count(*) AS n FROM job WHERE state = 'completed') j WHERE w.n > j.n`,
  },
  {
    fault: "an event for the engine was never sent",
    sql: `SELECT o.id AS what FROM outbox o WHERE o.sent_at IS NULL`,
  },
  {
    fault: "an engine run of a settled job goes on",
    sql: `SELECT r.id || ' of ' || r.function_id AS what FROM engine.run r WHERE r.status = 'running'`,
  },
];

/**
 * @param ids the acknowledged jobs
 * @param whole false after a run that was broken off: jobs that are under way are no fault then
 */
export async function check(factory: Factory, ids: readonly string[], whole: boolean): Promise<string[]> {
  const faults: string[] = [];
  for (const { fault, sql } of whole ? [LOST, ...RULES] : RULES.filter(holdsAnyTime)) {
    const rows = await factory.sql<{ what: string }>(sql, sql.includes("$1") ? [ids] : []);
    for (const { what } of rows) faults.push(`${fault}: ${what}`);
  }
  faults.push(...(await auditDatabase(factory, ids)));
  const done = await factory.sql<{ public_id: string; head_commit: string }>(
    "SELECT public_id, head_commit FROM job j WHERE public_id = ANY($1::text[]) AND state = 'completed' ORDER BY id",
    [ids],
  );
  for (const job of done) {
    try {
      faults.push(...(await auditDeliveries(factory, [job.public_id])));
      faults.push(...(await checkHistory(factory, job.public_id, job.head_commit)));
    } catch (error) {
      faults.push(`${job.public_id}: its repository cannot be read: ${String(error)}`);
    }
  }
  return faults;
}

/** These hold at every moment, not only when everything is over. */
function holdsAnyTime({ fault }: Rule): boolean {
  return !/^filed twice|^the queue's kept|^an event for|^an engine run/.test(fault);
}

/**
 * The head's history is one line, and the turns' commits lie on it in the order in which they were made; all but those
 * that were taken away again, which the log names.
 */
async function checkHistory(factory: Factory, job: string, head: string): Promise<string[]> {
  const repository = join(factory.dataDir, "repos", `${job}.git`);
  const list = (...args: string[]) =>
    execFileSync("git", ["--git-dir", repository, "rev-list", ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    })
      .split("\n")
      .filter(Boolean);
  const lines = list("--parents", "--reverse", head).map((line) => line.split(" "));
  const forks = lines.filter((line) => line.length > 2);
  if (forks.length > 0) return [`${job}: the history is not linear at ${forks[0]?.[0]}`];
  const place = new Map(lines.map(([commit], index) => [commit, index]));
  const turns = await factory.sql<{ commit: string }>(
    `SELECT t.commit FROM turn t JOIN agent_run r ON r.id = t.agent_run_id JOIN job j ON j.id = r.job_id
      WHERE j.public_id = $1 AND t.commit IS NOT NULL ORDER BY t.finished_at`,
    [job],
  );
  const moved = await factory.sql<{ from: string; to: string }>(
    `SELECT e.data->>'from' AS from, e.data->>'to' AS to FROM job_event e JOIN job j ON j.id = e.job_id
      WHERE j.public_id = $1 AND e.type = 'workspace.moved'`,
    [job],
  );
  const takenAway = new Set(moved.flatMap(({ from, to }) => list(from, `^${to}`)));
  let last = -1;
  for (const { commit } of turns) {
    if (takenAway.has(commit) && !place.has(commit)) continue;
    const at = place.get(commit);
    if (at === undefined)
      return [`stale: ${job}: commit ${commit} of a turn is not in the history of the head`];
    if (at < last) return [`${job}: commit ${commit} of a turn lies before an earlier one`];
    last = at;
  }
  return [];
}
