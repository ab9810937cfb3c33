// Whether the tests of a change show anything: run on the base with only the tests of the change laid over it, at least
// one of them must fail that passes with the change. A model may say that it has tested what it did; this is looked at.
import type { CommandResult } from "../../runner/protocol";
import { workKind } from "../domain/job-kind";
import type { Job } from "../generated/prisma/client";
import { jobRepository } from "../services/workspace/job-repository";
import type { WorkspaceFiles } from "../services/workspace/workspace-files";
import type { TestReport } from "../toolchains/port";
import { isTestFile } from "../toolchains/test-files";
import { diffStat } from "../workspaces/diff";
import { type Checks, fileOfTest } from "./checks";
import { outputOf, resetOf, toolCommands, type Wanted } from "./run-programs";
import { takeAway } from "./take-away";

export interface Trial {
  /** A group of its own: a fresh sandbox, the program taken out of it, the tests. */
  commands: Wanted[];
  /** Files that were taken out whole, as the suites name them: what they would report says nothing. */
  gone: ReadonlySet<string>;
  /** What the tests came to; null when the program could not be taken out. */
  read: (results: readonly CommandResult[]) => TestReport[] | null;
}

/** @returns null for a new project, and for a change that is to alter nothing that a test could see */
export async function trialOnBase(job: Job, files: WorkspaceFiles, checks: Checks): Promise<Trial | null> {
  if (workKind(job) !== "change" || job.behaviourUnchanged || !job.baseRoot || !job.headCommit) return null;
  const key = `verify/${job.fence}/base`;
  const away = await takeAway(job, { key, only: (path) => !isTestFile(path) });
  // Nothing but tests: they are all there is to try, on a program that is as it was.
  const changes = await diffStat(jobRepository(job.publicId), job.baseRoot, job.headCommit);
  const added = new Set(
    changes.filter(({ status, path }) => status === "added" && !isTestFile(path)).map(({ path }) => path),
  );
  const left = { ...files, paths: files.paths.filter((path) => !added.has(path)) };
  const suites = checks.suites(left, `${key}/test`);
  const before: Wanted[] = [resetOf(`${key}/reset`), ...(away ? [away] : [])];
  const runs = suites.map((suite) => toolCommands(suite.key, suite.command));
  const own = checks.files({ ...files, paths: [...added] }).paths;
  return {
    gone: new Set(own),
    commands: [...before, ...runs.flat()],
    read: (results) => {
      const filled = results.slice(0, before.length);
      if (filled.length < before.length || filled.some(({ exit_code }) => exit_code !== 0)) return null;
      let at = before.length;
      return suites.map(({ parse }, i) => {
        const own = results.slice(at, at + (runs[i]?.length ?? 0));
        at += own.length;
        return parse(outputOf(own));
      });
    },
  };
}

/**
 * Whether a test that passes with the change does not pass without it. A suite that cannot even be read on the base, as
 * when a new test imports what is not there, did not pass.
 * @param gone files that were not there on the base: that their tests did not pass there shows nothing
 */
export function provesChange(
  withChange: readonly TestReport[],
  onBase: readonly TestReport[],
  gone: ReadonlySet<string> = new Set(),
): boolean {
  if (onBase.some(({ unreadable }) => unreadable !== null)) return true;
  const passed = new Set(
    onBase.flatMap(({ tests }) => tests.flatMap(({ id, outcome }) => (outcome === "passed" ? [id] : []))),
  );
  return withChange.some(({ tests }) =>
    tests.some(({ id, outcome }) => outcome === "passed" && !passed.has(id) && !gone.has(fileOfTest(id))),
  );
}
