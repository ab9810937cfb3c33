// Whether anything of a merge is left to be decided. The first time git has said it; later the files show it: a marker
// that stays is a conflict that nobody has looked at.
import type { Db } from "../db";
import type { Job } from "../generated/prisma/client";
import { jobRepository } from "../services/workspace/job-repository";
import { diffStat } from "../workspaces/diff";
import { readBlob } from "../workspaces/read-files";
import { storeCheck } from "./store-check";

const MAX_BYTES = 1024 * 1024;
const MARKERS = [/^<{7}( |$)/, /^>{7}( |$)/];

export const mergeKey = (n: number, round: number) => `task-${n}/${round}/merge`;

/** @returns whether nothing is in conflict any more after fix round `round` */
export async function checkMerge(db: Db, job: Job, n: number, round: number): Promise<boolean> {
  const key = mergeKey(n, round);
  const said = await db.checkRun.findUnique({
    where: { jobId_run_key: { jobId: job.id, run: job.run, key } },
  });
  if (said) return said.passed;
  const problems = await markersIn(job);
  const passed = problems.length === 0;
  const summary = passed ? "nothing is in conflict" : `${problems.length} conflict markers`;
  const report = { reports: [{ tool: "merge", problems, unreadable: null }], known: 0 };
  await storeCheck(db, job, { key, kind: "lint", passed, report, summary, task: n });
  return passed;
}

/** Lines of changed texts that look like the edges of a conflict. */
async function markersIn(job: Job) {
  const { baseRoot, headCommit } = job;
  if (!baseRoot || !headCommit) return [];
  const dir = jobRepository(job.publicId);
  const changed = (await diffStat(dir, baseRoot, headCommit)).filter(
    ({ status, binary }) => status !== "deleted" && !binary,
  );
  const found = [];
  for (const { path } of changed) {
    const blob = await readBlob(dir, headCommit, path, MAX_BYTES);
    const lines = blob && !blob.binary ? blob.bytes.toString("utf8").split("\n") : [];
    for (const [at, line] of lines.entries())
      if (MARKERS.some((marker) => marker.test(line)))
        found.push({
          file: path,
          line: at + 1,
          column: 1,
          rule: "conflict",
          message: `a conflict marker is left: ${line.slice(0, 80)}`,
          severity: "error" as const,
        });
  }
  return found.slice(0, 200);
}
