/**
 * Checks what a factory has left behind, reading only the database, the repositories and the deliveries: nothing
 * lost, delivered twice, charged twice or written by a worker whose lease was over.
 */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import type { Factory } from "./factory";

/** What is wrong, in one line each; empty when all is well. */
export type Faults = string[];

interface Rule {
  fault: string;
  /** Gives one row with the column `what` for each breach. $1: public job ids. */
  sql: string;
}

const OF_JOBS = "j.public_id = ANY($1::text[])";

const RULES: Rule[] = [
  {
    fault: "the log has a gap",
    sql: `SELECT j.public_id || ': ' || count(e.seq) || ' events, last ' || j.last_seq AS what FROM job j
      LEFT JOIN job_event e ON e.job_id = j.id WHERE ${OF_JOBS} GROUP BY j.id
      HAVING count(e.seq) <> j.last_seq OR max(e.seq) <> j.last_seq OR min(e.seq) <> 1`,
  },
  {
    fault: "a completed job without all three deliveries, or one delivered twice",
    sql: `SELECT j.public_id || ': ' || coalesce(string_agg(d.target || ' x' || d.n, ', '), 'none') AS what FROM job j
      LEFT JOIN (SELECT e.job_id, e.data->>'target' AS target, count(*) AS n FROM job_event e
        WHERE e.type = 'delivery.done' GROUP BY 1, 2) d ON d.job_id = j.id
      WHERE ${OF_JOBS} AND j.state = 'completed' GROUP BY j.id
      HAVING count(d.target) <> 3 OR max(d.n) > 1`,
  },
  {
    fault: "a delivery of an unfinished job",
    sql: `SELECT j.public_id || ' is ' || j.state AS what FROM job j JOIN delivery d ON d.job_id = j.id
      WHERE ${OF_JOBS} AND d.delivered_at IS NOT NULL AND j.state NOT IN ('completed', 'approved')`,
  },
  {
    fault: "settled answers and turns differ",
    sql: `SELECT j.public_id || ': ' || s.n || ' charged, ' || t.n || ' turns' AS what FROM job j,
        LATERAL (SELECT count(*) AS n FROM spend WHERE job_id = j.id AND state = 'settled') s,
        LATERAL (SELECT count(*) AS n FROM turn JOIN agent_run r ON r.id = turn.agent_run_id WHERE r.job_id = j.id) t
      WHERE ${OF_JOBS} AND s.n <> t.n`,
  },
  {
    fault: "a turn was charged twice",
    sql: `SELECT x.what FROM (SELECT regexp_replace(s.key, '/[0-9]+$', '') AS what, count(*) AS n FROM spend s
        JOIN job j ON j.id = s.job_id WHERE ${OF_JOBS} AND s.state = 'settled' GROUP BY 1) x WHERE x.n > 1`,
  },
  {
    fault: "the job's cost is not the sum of its calls",
    sql: `SELECT j.public_id || ': ' || j.spent_micro_usd || ' against ' || s.cost AS what FROM job j,
        LATERAL (SELECT coalesce(sum(cost_micro), 0) AS cost FROM spend WHERE root_job_id = j.id) s
      WHERE ${OF_JOBS} AND j.spent_micro_usd <> s.cost`,
  },
  {
    // Whoever is busy holds that job: in every moment, and whosever job it is.
    fault: "a worker is busy with a job that it does not hold",
    sql: `SELECT w.id || ': job ' || w.current_job_id AS what FROM worker w
      WHERE cardinality($1::text[]) > 0 AND w.current_job_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM job j WHERE j.id = w.current_job_id AND j.lease_worker_id = w.id)`,
  },
  {
    fault: "an agent works for a run that is over",
    sql: `SELECT j.public_id || ': ' || r.key AS what FROM job j JOIN agent_run r ON r.job_id = j.id
      WHERE ${OF_JOBS} AND r.state = 'running' AND (r.run < j.run OR j.state IN ('failed', 'cancelled', 'escalated', 'completed'))`,
  },
  {
    fault: "a settled job still holds a lease or is claimable",
    sql: `SELECT j.public_id || ' is ' || j.state AS what FROM job j WHERE ${OF_JOBS}
      AND j.state IN ('completed', 'failed', 'cancelled') AND (j.lease_worker_id IS NOT NULL OR j.claimable)`,
  },
  {
    fault: "one command finished twice",
    sql: `SELECT j.public_id || ': ' || (e.data->>'command_id') AS what FROM job_event e JOIN job j ON j.id = e.job_id
      WHERE ${OF_JOBS} AND e.type = 'command.finished' GROUP BY j.public_id, e.data->>'command_id' HAVING count(*) > 1`,
  },
  {
    fault: "fences did not rise",
    sql: `SELECT x.public_id || ': ' || x.fence || ' after ' || x.before AS what FROM (
        SELECT j.public_id, (e.data->>'fence')::int AS fence,
          lag((e.data->>'fence')::int) OVER (PARTITION BY e.job_id ORDER BY e.seq) AS before
        FROM job_event e JOIN job j ON j.id = e.job_id WHERE ${OF_JOBS} AND e.type = 'lease.claimed') x
      WHERE x.fence <= x.before`,
  },
  {
    fault: "something was written after the lease was over",
    sql: `SELECT j.public_id || ': ' || e.type || ' at ' || e.seq AS what FROM job_event e JOIN job j ON j.id = e.job_id
      JOIN LATERAL (SELECT type FROM job_event l WHERE l.job_id = e.job_id AND l.seq < e.seq
        AND l.type IN ('lease.claimed', 'lease.lost') ORDER BY l.seq DESC LIMIT 1) last ON true
      WHERE ${OF_JOBS} AND e.type IN ('command.output', 'command.finished') AND last.type = 'lease.lost'`,
  },
  {
    fault: "a turn was finished twice",
    sql: `SELECT j.public_id || ': ' || (e.data->>'agent_run') AS what FROM job_event e JOIN job j ON j.id = e.job_id
      WHERE ${OF_JOBS} AND e.type = 'agent.finished' GROUP BY j.public_id, e.run, e.data->>'agent_run'
      HAVING count(*) > 1`,
  },
  {
    fault: "iterations fell",
    sql: `SELECT x.public_id || ' at ' || x.seq AS what FROM (
        SELECT j.public_id, e.seq, (e.data->>'iteration')::int AS now, lag((e.data->>'iteration')::int)
          OVER (PARTITION BY e.job_id, e.run ORDER BY e.seq) AS before
        FROM job_event e JOIN job j ON j.id = e.job_id WHERE ${OF_JOBS} AND e.type = 'job.step') x
      WHERE x.now < x.before`,
  },
  {
    fault: "progress fell",
    sql: `SELECT x.public_id || ' at ' || x.seq AS what FROM (
        SELECT j.public_id, e.seq, (e.data->>'progress')::float8 AS now, lag((e.data->>'progress')::float8)
          OVER (PARTITION BY e.job_id, e.run ORDER BY e.seq) AS before
        FROM job_event e JOIN job j ON j.id = e.job_id WHERE ${OF_JOBS} AND e.type = 'job.step') x
      WHERE x.now < x.before`,
  },
];

/** Breaches of the rules among these jobs. */
export async function auditDatabase(factory: Factory, jobs: readonly string[]): Promise<Faults> {
  const faults: Faults = [];
  for (const { fault, sql } of RULES) {
    for (const { what } of await factory.sql<{ what: string }>(sql, [jobs])) faults.push(`${fault}: ${what}`);
  }
  return faults;
}

interface Delivered {
  public_id: string;
  head_commit: string;
  branch: string;
}

/** Completed jobs whose repository, folder or zip is not what the database says. */
export async function auditDeliveries(factory: Factory, jobs: readonly string[]): Promise<Faults> {
  const rows = await factory.sql<Delivered>(
    "SELECT public_id, head_commit, branch FROM job WHERE public_id = ANY($1::text[]) AND state = 'completed'",
    [jobs],
  );
  return rows.flatMap((row) => faultsOf(factory.dataDir, row));
}

function faultsOf(dataDir: string, { public_id: job, head_commit: head, branch }: Delivered): Faults {
  const faults: Faults = [];
  const repository = join(dataDir, "repos", `${job}.git`);
  const git = (...args: string[]) =>
    execFileSync("git", ["--git-dir", repository, ...args], {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "pipe"],
    });
  const tip = git("rev-parse", `refs/heads/${branch}`).trim();
  if (tip !== head) faults.push(`${job}: the branch is at ${tip}, the job at ${head}`);
  git("fsck", "--strict", "--no-dangling");
  const tracked = git("ls-tree", "-r", "-z", "--name-only", head).split("\0").filter(Boolean).sort();
  const folder = join(dataDir, "projects", job);
  if (!existsSync(folder)) return [...faults, `${job}: the folder is not there`];
  const written = readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name).slice(folder.length + 1))
    .sort();
  if (written.join("\n") !== tracked.join("\n")) faults.push(`${job}: the folder differs from the commit`);
  if (!existsSync(`${folder}.zip`)) faults.push(`${job}: the zip is not there`);
  const beside = readdirSync(join(dataDir, "projects")).filter((name) => name.startsWith(`.${job}`));
  if (beside.length > 0) faults.push(`${job}: unfinished deliveries lie about: ${beside.join(", ")}`);
  return faults;
}
