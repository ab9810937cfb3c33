// Whether anything of a merge is left to be decided. The first time git has said it; later the files show it: a marker
// that stays is a conflict that nobody has looked at.
import type { Db } from "../db";
import type { Job } from "../generated/prisma/client";
import { jobRepository } from "../services/workspace/job-repository";
import { diffStat } from "../workspaces/diff";
import { readBlobs, readTree } from "../workspaces/read-files";
import { storeCheck } from "./store-check";

/** As git writes them, with the commit of each side: texts about conflicts have other ones. */
const MARKERS = [/^<{7} [0-9a-f]{40}\b/, /^>{7} [0-9a-f]{40}\b/];

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
  // What git calls binary here may only be long.
  const changed = (await diffStat(dir, baseRoot, headCommit)).filter(({ status }) => status !== "deleted");
  const oids = new Map((await readTree(dir, headCommit)).map(({ path, oid }) => [path, oid]));
  const found = [];
  for (const { path } of changed) {
    const oid = oids.get(path);
    // One after the other: a file may be as large as a tree allows, and conflicts may be at its very end.
    const [bytes] = oid ? await readBlobs(dir, [oid]) : [];
    if (!bytes || bytes.subarray(0, 8000).includes(0)) continue;
    for (const [at, line] of bytes.toString("latin1").split("\n").entries())
      if (MARKERS.some((marker) => marker.test(line)))
        found.push({
          file: path,
          line: at + 1,
          column: 1,
          rule: "conflict",
          message: `a conflict marker is left: ${line.trimEnd().slice(0, 80)}`,
          severity: "error" as const,
        });
  }
  return found.slice(0, 200);
}
