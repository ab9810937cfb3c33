// What candidates came to, from what was computed about them: never from what they say of themselves.
import type { Db } from "../../db";
import type { CandidateFigures } from "../../domain/choose-candidate";
import { workKind } from "../../domain/job-kind";
import { toUsd } from "../../domain/money";
import { FACTORY_FOLDER, specFile } from "../../domain/spec-file";
import type { Job } from "../../generated/prisma/client";
import { diffStat } from "../../workspaces/diff";
import { jobRepository } from "../workspace/job-repository";

/** What is read of the reports of a validation, and their keys. */
interface Linted {
  reports: { problems: unknown[] }[];
}
interface Tested {
  passed: number;
  failed: number;
}
const LINT_KEY = "verify/lint";
const HELD_BACK_KEY = "verify/held-back";

/**
 * @param children candidates, also such as are not over yet
 * @param from commit that all of them began from
 */
export function figuresOf(
  db: Db,
  children: readonly Job[],
  from: string | null,
): Promise<CandidateFigures[]> {
  return Promise.all(children.map((child) => figuresOfOne(db, child, from)));
}

async function figuresOfOne(db: Db, child: Job, from: string | null): Promise<CandidateFigures> {
  const ofRun = { jobId: child.id, run: child.run };
  const [checks, agents, diff] = await Promise.all([
    db.checkRun.findMany({ where: { ...ofRun, key: { in: [LINT_KEY, HELD_BACK_KEY] } } }),
    db.agentRun.aggregate({ where: ofRun, _sum: { turns: true } }),
    diffOf(child, from),
  ]);
  const reportOf = (key: string) => checks.find((check) => check.key === key)?.report as unknown;
  const lint = reportOf(LINT_KEY) as Linted | undefined;
  const held = reportOf(HELD_BACK_KEY) as Tested | undefined;
  const tests = child.testResults as { passed: number; failed: number } | null;
  const took = child.startedAt && (child.completedAt ?? new Date()).getTime() - child.startedAt.getTime();
  return {
    job_id: child.publicId,
    n: child.candidateN ?? 0,
    status: child.state,
    error: child.errorMessage,
    tests: tests && { passed: tests.passed, failed: tests.failed },
    held_back: held ? { passed: held.passed, failed: held.failed } : null,
    lint: lint ? lint.reports.flatMap(({ problems }) => problems).length : null,
    diff,
    cost_usd: toUsd(child.spentMicroUsd),
    turns: agents._sum.turns ?? 0,
    duration_seconds: took === null ? null : took / 1000,
  };
}

/** What it changed since the plan, without what the factory itself keeps in the workspace. */
async function diffOf(child: Job, from: string | null): Promise<CandidateFigures["diff"]> {
  if (child.headCommit === null) return null;
  const own = [specFile(workKind(child)), `${FACTORY_FOLDER}/`, ".ai/"];
  const all = await diffStat(jobRepository(child.publicId), from, child.headCommit);
  const changes = all.filter(({ path }) => !own.some((name) => path === name || path.startsWith(name)));
  const sum = (pick: (change: { added: number; removed: number }) => number) =>
    changes.reduce((total, change) => total + pick(change), 0);
  return { files: changes.length, added: sum(({ added }) => added), removed: sum(({ removed }) => removed) };
}
