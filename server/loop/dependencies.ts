// The job's dependencies in its sandbox: installed there as untrusted code, or taken from the runner's cache.
// Invariant: only the tree that came from the repository fills what other jobs of the team find; what an agent changed
// is kept for its own job alone.
import { createHash } from "node:crypto";
import type { CommandResult, LayerSpec } from "../../runner/protocol";
import { type Db, runStatement } from "../db";
import type { NewJobEvent } from "../domain/events";
import { GiveUp } from "../domain/step-outcome";
import { env } from "../env";
import { ANNOUNCED, appending } from "../events/append";
import { type Job, Prisma } from "../generated/prisma/client";
import { lastLayer } from "../services/commands/last-layer";
import { redactAll } from "../services/redact";
import { jobRepository } from "../services/workspace/job-repository";
import {
  type DependencyPlan,
  type DependencySettings,
  missingProgram,
  planDependencies,
  wasTooLarge,
} from "../toolchains/dependencies";
import type { EffectiveConfig } from "../toolchains/project-config";
import { readTree } from "../workspaces/read-files";
import { execSpec, runCommands } from "./run-programs";

/** Where the factory pushes to. */
const BRANCHES = "fabrica/";
const INSTALL_MS = 900_000;
const MOVE_MS = 180_000;
const SAID_LINES = 12;
const SAID_CHARS = 1_500;

/** What is stored of it, as the report of a check of the kind "setup". */
export interface StoredDependencies {
  command: string;
  /** Nothing was installed: an earlier job, or an earlier round of this one, had done it. */
  cached: boolean;
  seconds: number;
  /** Size of what was installed, in bytes, where it is kept. */
  bytes: number;
  notKept: string | null;
  /** Hosts that the installation was refused, as sentences. */
  refused: string[];
}

/**
 * Makes the dependencies of the job's head be in its sandbox, which is a fresh one afterwards: what was not committed
 * is lost. Asked again for the same lock files and command it does nothing. Every later sandbox of the job gets them.
 * @param settings the project's folder, and its own or the detected setup command
 * @param key of the check and its commands, such as "setup/dependencies" or "verify/dependencies"
 * @returns what happened, null when there is nothing to install or it is there already
 * @throws NotYet while it runs; GiveUp with a plain sentence when it fails; GitError
 */
export async function prepareDependencies(
  db: Db,
  job: Job,
  settings: DependencySettings,
  key: string,
): Promise<StoredDependencies | null> {
  if (!job.headCommit || settings.setupCommand === null) return null;
  const plan = planDependencies(await readTree(jobRepository(job.publicId), job.headCommit), settings);
  if (!plan) return null;
  const spec = layerSpecOf(job, plan, settings.setupCommand);
  const commandKey = `${key}/${plan.key.slice(0, 16)}`;
  const last = await lastLayer(db, job);
  // Its own command is asked again, because a repeated step has to come to the same result.
  if (last && last.key !== commandKey && last.spec.find[0] === spec.find[0]) return null;
  const [result] = await runCommands(db, job, [{ key: commandKey, spec }]);
  if (!result) throw new Error("a layer without a result");
  const stored = storedOf(result, settings.setupCommand);
  const failure = failureOf(result);
  await store(db, job, { key: commandKey, stored, failure });
  if (failure !== null) throw new GiveUp("dependencies", failure);
  return stored;
}

/** The same for a job whose base says how it is set up; nothing for a new project. */
export async function keepDependencies(
  db: Db,
  job: Job,
  config: EffectiveConfig | null,
  key: string,
): Promise<void> {
  if (!config) return;
  await prepareDependencies(db, job, { folder: config.folder, setupCommand: config.setup.command }, key);
}

function layerSpecOf(job: Job, plan: DependencyPlan, title: string): LayerSpec {
  const ofTeam = layerName(`team ${job.teamId}`, plan.key);
  const ofJob = layerName(`job ${job.publicId} ${job.createdAt.toISOString()}`, plan.key);
  // A branch of ours is an agent's work as well: what a script of it installs is nobody else's.
  const isOurs = job.baseBranch?.startsWith(BRANCHES) ?? false;
  const isBase = job.baseRoot !== null && job.headCommit === job.baseRoot && !isOurs;
  return {
    kind: "layer",
    find: isBase ? [ofTeam] : [ofTeam, ofJob],
    keep: isBase ? ofTeam : ofJob,
    install: execSpec(plan.argv, {
      cwd: plan.cwd,
      env: plan.env,
      title: title.slice(0, 200),
      network: "registries",
      live: true,
      timeout_ms: INSTALL_MS,
    }),
    timeout_ms: MOVE_MS,
    env: plan.laterEnv,
    path: plan.laterPath,
  };
}

/** No team can come to a name of another one: the team's own number is in it, and only the app makes names. */
function layerName(scope: string, key: string): string {
  return createHash("sha256").update(`${scope}\n${key}`).digest("hex");
}

function storedOf({ layer, duration_ms }: CommandResult, command: string): StoredDependencies {
  return {
    command,
    cached: layer?.cached ?? false,
    seconds: Math.round(duration_ms / 100) / 10,
    bytes: layer?.bytes ?? 0,
    notKept: layer?.not_kept ?? null,
    refused: layer?.refused ?? [],
  };
}

/** Why it failed, in plain words with the last lines of output; null when it did not. */
function failureOf(result: CommandResult): string | null {
  if (result.exit_code === 0 && result.failure === null) return null;
  const output = [result.stdout, result.stderr, result.failure ?? ""]
    .filter((text) => text !== "")
    .join("\n");
  const said = output.trim().split("\n").slice(-SAID_LINES).join("\n").slice(-SAID_CHARS);
  const reason =
    missingProgram(output) ??
    (wasTooLarge(output) || /no room left/.test(result.failure ?? "")
      ? `They do not fit into the workspace of ${env().SANDBOX_WORK_MB} MB (SANDBOX_WORK_MB).`
      : result.timed_out
        ? `It took longer than ${INSTALL_MS / 60_000} minutes.`
        : null);
  const refused = result.layer?.refused ?? [];
  const walls = refused.length > 0 ? ` The network refused: ${refused.slice(0, 3).join(" ")}` : "";
  return redactAll(`The dependencies could not be installed. ${reason ?? ""}${walls}\n${said}`.trim());
}

/** Stores it once, with its event; kept as a check, so that it stands where people look for what was run. */
async function store(
  db: Db,
  job: Job,
  { key, stored, failure }: { key: string; stored: StoredDependencies; failure: string | null },
): Promise<void> {
  const passed = failure === null;
  const how = stored.cached ? "taken from the cache" : "installed";
  const note = stored.notKept && passed ? `; not kept for the next job: ${stored.notKept}` : "";
  const summary = passed
    ? `dependencies ${how} in ${stored.seconds} s${note}`
    : (failure.split("\n")[0] ?? "");
  const event: NewJobEvent = {
    type: "check.finished",
    data: { kind: "setup", task: null, passed, summary: summary.slice(0, 500) },
  };
  const report = JSON.stringify(redactAll(stored));
  await runStatement(
    db,
    Prisma.sql`
    WITH made AS (
      INSERT INTO check_run (job_id, run, key, kind, passed, report)
      VALUES (${job.id}, ${job.run}::int, ${key}, 'setup', ${passed}, ${report}::jsonb)
      ON CONFLICT DO NOTHING RETURNING job_id
    ), ${appending(Prisma.sql`SELECT job_id FROM made`, [event])}
    ${ANNOUNCED}`,
  );
}
