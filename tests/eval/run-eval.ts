/**
 * Evaluates a running factory with the tasks of tests/eval/: what share it resolves, and what that costs.
 * Run: FABRICA_URL=… FABRICA_TOKEN=… npx tsx tests/eval/run-eval.ts --git URL [task…]
 *   --git URL             git server; it has an empty repository URL/<task>.git for each task that takes a push
 *   --git-user NAME --git-password-file FILE   who pushes there
 *   --model PROVIDER/NAME plays every role, instead of the factory's own choice
 *   --parallel N (2)      jobs at a time    --minutes N (30)      when a job is given up
 * It starts nothing, neither factory nor git server. Ends with 0 when every task is resolved.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { ApiClient } from "@/cli/client/api";
import { readClientSettings } from "@/cli/env";
import { tasksNamed } from "./all-tasks";
import { fetchArchives } from "./debian-archive";
import { type EvalResult, evaluate, type Place } from "./evaluate";
import type { EvalTask } from "./task";

const ROLES = ["planner", "coder", "tester", "fixer"];
const MINUTE_MS = 60_000;

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    git: { type: "string" },
    "git-user": { type: "string" },
    "git-password-file": { type: "string" },
    model: { type: "string" },
    parallel: { type: "string", default: "2" },
    minutes: { type: "string", default: "30" },
  },
});

function placeOf(git: string): Place {
  const username = values["git-user"];
  const file = values["git-password-file"];
  const { model } = values;
  return {
    client: new ApiClient(readClientSettings()),
    git: {
      url: (name) => `${git.replace(/\/+$/, "")}/${name}.git`,
      access: username && file ? { username, password: readFileSync(file, "utf8").trim() } : null,
    },
    ...(model && { models: Object.fromEntries(ROLES.map((role) => [role, model])) }),
    limitMs: Number(values.minutes) * MINUTE_MS,
  };
}

/** What a task came to, or why it could not even be tried. */
type Ended = EvalResult | { task: string; broken: string };

async function runAll(place: Place, tasks: readonly EvalTask[], folder: string): Promise<Ended[]> {
  const archives = await fetchArchives(tasks.map((task) => task.source));
  const results: Ended[] = [];
  const waiting = [...tasks];
  const work = async () => {
    for (let task = waiting.shift(); task; task = waiting.shift()) {
      const { name } = task;
      const archive = archives.get(task.source);
      const tried: Promise<Ended> =
        archive && "file" in archive
          ? evaluate(place, task, archive.file, join(folder, name))
          : Promise.resolve({ task: name, broken: `not fetched: ${archive?.problem}` });
      const ended = await tried.catch((error: unknown) => ({
        task: name,
        broken: error instanceof Error ? error.message : String(error),
      }));
      results.push(ended);
      console.log(`${name}: ${"broken" in ended ? ended.broken : (ended.refused ?? "resolved")}`);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Number(values.parallel)) }, work));
  return results;
}

/** Prints the table and the sums. @returns whether all are resolved */
function report(results: readonly Ended[]): boolean {
  console.table(
    results.map((one) =>
      "broken" in one
        ? { task: one.task, resolved: "no", why: one.broken }
        : {
            task: one.task,
            resolved: one.refused === null ? "yes" : "no",
            status: one.status,
            "cost $": one.costUsd.toFixed(4),
            turns: one.turns,
            minutes: one.minutes.toFixed(1),
            why: one.refused ?? "",
          },
    ),
  );
  const tried = results.filter((one): one is EvalResult => !("broken" in one));
  const resolved = tried.filter(({ refused }) => refused === null).length;
  const sum = (of: (one: EvalResult) => number) => tried.reduce((all, one) => all + of(one), 0);
  console.log(
    `resolved ${resolved} of ${results.length} (${((100 * resolved) / results.length).toFixed(0)} %), ` +
      `$${sum((one) => one.costUsd).toFixed(4)}, ${sum((one) => one.turns)} turns, ` +
      `${sum((one) => one.minutes).toFixed(1)} minutes of jobs`,
  );
  return resolved === results.length;
}

if (!values.git) throw new Error("Say where the repositories are to be pushed: --git URL");
const folder = mkdtempSync(join(tmpdir(), "fabrica-eval-"));
try {
  const results = await runAll(placeOf(values.git), tasksNamed(positionals), folder);
  process.exitCode = report(results) ? 0 : 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}
