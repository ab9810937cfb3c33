/**
 * `npm run eval`: works the evaluation tasks off in a factory of its own, judges what comes of them, and says what
 * share is resolved at what price. Its figures are printed, too, when it is interrupted; nothing it started is left.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { cpus, tmpdir } from "node:os";
import { join } from "node:path";
import { tasksNamed } from "./all-tasks";
import { CleanPlace } from "./clean-place";
import { type EvalOptions, OptionsError, readOptions } from "./options";
import { OwnPlace } from "./place";
import { type Ended, failureLines, figureRows, lineOf, type Report, reportOf, taskRows } from "./report";
import { mixed, runTasks } from "./run-tasks";
import { type EvalTask, kindOf } from "./task";

const MINUTE_MS = 60_000;
const INTERRUPTED = 130;
const LAST_MS = 5_000;

async function main(): Promise<number> {
  const options = readOptions(process.argv.slice(2), process.env);
  const named = mixed(tasksNamed(options.tasks));
  const tasks = options.n === null ? named : named.slice(0, options.n);
  if (options.list) {
    for (const task of tasks) console.log(`${task.name}: ${task.stack}, ${kindOf(task)}: ${task.title}`);
    return 0;
  }
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const)
    process.on(signal, () => {
      if (!stop.signal.aborted) console.log("\nInterrupted: ending what was started.");
      stop.abort();
    });
  console.log(
    `${tasks.length} tasks, played by ${options.player}, ${options.parallel} at a time, for $${options.budgetUsd} at most.`,
  );
  const results = await evaluateAll(options, tasks, stop.signal);
  const report = reportOf(results);
  print(results, report, tasks.length);
  if (options.out) write(options.out, options, results, report);
  if (stop.signal.aborted) return INTERRUPTED;
  return report.all.resolvedShare * 100 >= options.minResolved ? 0 : 1;
}

async function evaluateAll(
  options: EvalOptions,
  tasks: readonly EvalTask[],
  signal: AbortSignal,
): Promise<Ended[]> {
  const { scripted, env, models, parallel, minutes, maxFixes } = options;
  const results: Ended[] = [];
  const folder = mkdtempSync(join(tmpdir(), "fabrica-evaluation-"));
  let clean: CleanPlace | null = null;
  let place: OwnPlace | null = null;
  try {
    clean = await CleanPlace.open();
    place = await OwnPlace.start({
      tasks,
      scripted,
      env,
      request: {
        ...(Object.keys(models).length > 0 && { models }),
        ...(maxFixes !== null && { max_fixes: maxFixes }),
      },
      workers: parallel,
      limitMs: minutes * MINUTE_MS,
    });
    const onEnded = (one: Ended) => {
      results.push(one);
      console.log(`${results.length}/${tasks.length} ${lineOf(one)}`);
    };
    await runTasks({ place, clean, tasks, folder, parallel, signal, onEnded });
  } catch (error) {
    // Ctrl-C reaches the programs that were just being run, too.
    if (!signal.aborted) throw error;
  } finally {
    await place?.stop().catch((error: unknown) => console.error(error));
    await clean?.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return results;
}

function print(results: readonly Ended[], report: Report, asked: number): void {
  console.table(taskRows(results));
  console.table(figureRows(report));
  const lines = failureLines(report.all);
  if (lines.length > 0) console.log(`Not resolved:\n${lines.join("\n")}`);
  if (results.length < asked) console.log(`${asked - results.length} tasks were not worked off.`);
}

function write(file: string, options: EvalOptions, results: readonly Ended[], report: Report): void {
  const [cpu] = cpus();
  const head = {
    command: `npm run eval -- ${process.argv.slice(2).join(" ")}`,
    at: new Date().toISOString(),
    commit: commitOf(),
    machine: `${cpus().length} × ${cpu?.model ?? "unknown"}, Node ${process.versions.node}`,
    player: options.player,
    models: options.models,
  };
  writeFileSync(file, `${JSON.stringify({ ...head, ...report, tasks: results }, null, 2)}\n`);
}

function commitOf(): string | null {
  try {
    return execFileSync("git", ["rev-parse", "HEAD"], {
      encoding: "utf8",
      cwd: import.meta.dirname,
      stdio: ["ignore", "pipe", "ignore"],
    }).trim();
  } catch {
    return null; // A source tree without its history.
  }
}

/** What still holds this program after its end has no say in it. */
const atLast = () => setTimeout(() => process.exit(), LAST_MS).unref();

main().then(
  (code) => {
    process.exitCode = code;
    atLast();
  },
  (error: unknown) => {
    console.error(error instanceof OptionsError ? error.message : error);
    process.exitCode = error instanceof OptionsError ? 2 : 1;
    atLast();
  },
);
