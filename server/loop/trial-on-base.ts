// Whether the tests of a change show anything: run on the base with only the tests of the change laid over it, at least
// one of them must fail that passes with the change. A model may say that it has tested what it did; this is looked at.
import type { CommandResult } from "../../runner/protocol";
import type { Job } from "../generated/prisma/client";
import { jobRepository } from "../services/workspace/job-repository";
import type { WorkspaceFiles } from "../services/workspace/workspace-files";
import type { TestReport } from "../toolchains/port";
import { isTestFile } from "../toolchains/test-files";
import { diffStat } from "../workspaces/diff";
import type { Checks } from "./checks";
import { outputOf, toolCommands, type Wanted } from "./run-programs";
import { takeAway } from "./take-away";

const RESET_MS = 180_000;

export interface Trial {
  /** A group of its own: a fresh sandbox, the program taken out of it, the tests. */
  commands: Wanted[];
  /** What the tests came to; null when the program could not be taken out. */
  read: (results: readonly CommandResult[]) => TestReport[] | null;
}

/** @returns null for a new project, and for a change that is to alter nothing that a test could see */
export async function trialOnBase(job: Job, files: WorkspaceFiles, checks: Checks): Promise<Trial | null> {
  if (job.kind !== "change" || job.behaviourUnchanged || !job.baseRoot || !job.headCommit) return null;
  const key = `verify/${job.fence}/base`;
  const away = await takeAway(job, { key, only: (path) => !isTestFile(path) });
  // Nothing but tests: they are all there is to try, on a program that is as it was.
  const changes = await diffStat(jobRepository(job.publicId), job.baseRoot, job.headCommit);
  const added = new Set(
    changes.filter(({ status, path }) => status === "added" && !isTestFile(path)).map(({ path }) => path),
  );
  const left = { ...files, paths: files.paths.filter((path) => !added.has(path)) };
  const suites = checks.suites(left, `${key}/test`);
  const before: Wanted[] = [
    { key: `${key}/reset`, spec: { kind: "reset", timeout_ms: RESET_MS } },
    ...(away ? [away] : []),
  ];
  const runs = suites.map((suite) => toolCommands(suite.key, suite.command));
  return {
    commands: [...before, ...runs.flat()],
    read: (results) => {
      if (results.length === 0 || (away && results[1]?.exit_code !== 0)) return null;
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
 */
export function provesChange(withChange: readonly TestReport[], onBase: readonly TestReport[]): boolean {
  if (onBase.some(({ unreadable }) => unreadable !== null)) return true;
  const passed = new Set(
    onBase.flatMap(({ tests }) => tests.flatMap(({ id, outcome }) => (outcome === "passed" ? [id] : []))),
  );
  return withChange.some(({ tests }) =>
    tests.some(({ id, outcome }) => outcome === "passed" && !passed.has(id)),
  );
}
