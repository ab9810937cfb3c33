// The programs of a validation, all in one go: what is collected, the tests with a canary each and the held-back ones laid
// over the tree, the linters on the tree without them, and the new tests on the base.
import { writeCommand } from "../agents/tools";
import type { Db } from "../db";
import type { Job } from "../generated/prisma/client";
import { commandId } from "../services/commands/enqueue-command";
import type { WorkspaceFiles } from "../services/workspace/workspace-files";
import type { Canary, RunOutput, TestReport, ToolCommand } from "../toolchains/port";
import { within } from "../toolchains/workspace-files";
import type { HeldFile } from "../workspaces/held-back";
import { type Checks, inFolder, type Linter, type Suite } from "./checks";
import type { Collected } from "./compare-tests";
import { type Overlay, overlayOf } from "./lay-over";
import {
  execSpec,
  outputOf,
  requireFilled,
  resetOf,
  runTogether,
  toolCommands,
  type Wanted,
} from "./run-programs";
import { type Trial, trialOnBase } from "./trial-on-base";

/** A suite with the test that must fail in it; a shell line has none, and has to show itself on the base. */
interface TriedSuite extends Suite {
  canary: Canary | null;
  collect: ToolCommand | null;
  /** Its run with the canary between its tests. */
  run: ToolCommand;
}

/** Everything that a validation runs. */
export interface Plan {
  /** Names its commands. */
  key: string;
  suites: TriedSuite[];
  linters: Linter[];
  folder: string;
  /** The new tests on the base; null where nothing has to be shown there. */
  onBase: Trial | null;
  /** The tree with the held-back tests, and their files as the suites name them. */
  overlay: Overlay;
  held: ReadonlySet<string>;
}

/** @param held files of the held-back tests */
export async function planOf(
  job: Job,
  files: WorkspaceFiles,
  checks: Checks,
  held: readonly HeldFile[],
  key = "verify",
): Promise<Plan> {
  const overlay = overlayOf(files, held);
  const seen = checks.files(overlay.files);
  const found = checks.suites(overlay.files, "verify/test");
  const tried = found.map((suite): TriedSuite => {
    const { toolchain } = suite;
    if (!toolchain) return { ...suite, canary: null, collect: null, run: suite.command };
    const canary = toolchain.canary(seen.paths, seen.readText, canaryToken(job, toolchain.name));
    const collect = toolchain.collect(seen.paths, seen.readText);
    return { ...suite, canary, collect: collect && inFolder(collect, checks.folder), run: suite.command };
  });
  const canaries = tried.flatMap(({ canary }) => canary ?? []);
  const withCanaries = {
    paths: [...seen.paths, ...canaries.map(({ path }) => path)],
    readText: (path: string) =>
      canaries.find((canary) => canary.path === path)?.content ?? seen.readText(path),
  };
  const suites = tried.map((suite): TriedSuite => {
    const run = suite.toolchain?.test(withCanaries.paths, withCanaries.readText);
    return run ? { ...suite, run: inFolder(run, checks.folder) } : suite;
  });
  return {
    key,
    suites,
    linters: checks.linters(files, "verify/lint"),
    folder: checks.folder,
    onBase: await trialOnBase(job, files, checks),
    overlay,
    held: new Set(checks.files({ ...files, paths: held.map(({ path }) => path) }).paths),
  };
}

/** Nobody can guess it: it is derived from an id that the sandbox never sees. */
function canaryToken(job: Job, toolchain: string): string {
  return commandId(`${job.id}:${job.createdAt.toISOString()}:${job.fence}`, job.run, toolchain)
    .replace(/\W/g, "x")
    .toLowerCase();
}

/** What the programs of a validation came to; by suite, and by linter. */
export interface Seen {
  collected: Collected[];
  tested: TestReport[];
  linted: RunOutput[];
  /** Null where it was not asked for, or could not be tried. */
  triedOnBase: TestReport[] | null;
}

/**
 * Runs everything in one go: a fresh sandbox, the list of tests, the tests with canaries between them, the linters on
 * the tree without, and the new tests on the base. The tests and their canaries must share one sandbox.
 */
export async function runAll(db: Db, job: Job, plan: Plan): Promise<Seen> {
  const { suites, linters, overlay, onBase } = plan;
  const collectors = suites.map(({ name, collect }) => {
    const key = `${plan.key}/collect/${name}`;
    return collect ? [...overlay.lay(key), ...toolCommands(key, collect), ...overlay.clear(key)] : [];
  });
  const laid = overlay.lay("").length;
  const trial = trialOf(job, plan);
  const lint = linters.map(({ key, command }) => toolCommands(key, command));
  const groups = [
    [resetOf(`${plan.key}/reset`)],
    ...collectors,
    trial.commands,
    ...lint,
    ...(onBase ? [onBase.commands] : []),
  ];
  const results = await runTogether(db, job, groups);
  requireFilled(results[0] ?? []);
  const tried = results[1 + collectors.length] ?? [];
  const lintAt = 2 + collectors.length;
  return {
    collected: suites.map(({ toolchain }, i) => {
      const given = results[1 + i] ?? [];
      return toolchain && given.length > 0
        ? toolchain.parseCollected(outputOf(given.slice(laid, given.length - laid)))
        : { ids: [], unreadable: "the tests cannot be collected" };
    }),
    tested: suites.map(({ parse }, i) => {
      const [from, to] = trial.tests[i] as [number, number];
      return parse(outputOf(tried.slice(from, to)));
    }),
    linted: results.slice(lintAt, lintAt + lint.length).map(outputOf),
    triedOnBase: onBase ? onBase.read(results[lintAt + lint.length] ?? []) : null,
  };
}

/** The tests with a canary each, as one group of commands; `tests` says where in it each suite's are. */
function trialOf(job: Job, { key, suites, folder, overlay }: Plan) {
  const at = (path: string) => within(folder === "" ? "." : folder, path);
  const held = `${key}/${job.fence}/held-back`;
  const commands: Wanted[] = overlay.lay(held);
  for (const { name, canary } of suites) {
    if (!canary) continue;
    const spec = writeCommand(at(canary.path), canary.content);
    commands.push({ key: `${key}/canary/${job.fence}/${name}`, spec });
  }
  const tests = suites.map(({ name, run }): [number, number] => {
    const from = commands.length;
    commands.push(...toolCommands(`${key}/${job.fence}/test/${name}`, run));
    return [from, commands.length];
  });
  for (const { name, canary } of suites) {
    if (!canary) continue;
    commands.push({
      key: `${key}/uncanary/${job.fence}/${name}`,
      spec: execSpec(["rm", "-f", "--", at(canary.path)]),
    });
  }
  commands.push(...overlay.clear(held));
  return { commands, tests };
}
