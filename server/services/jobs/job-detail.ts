// Everything of a job page that is not its log: plan, checks, files, deliveries, money.
import type { z } from "zod";
import type { Ctx } from "../../context";
import type { Db } from "../../db";
import { AppError } from "../../domain/errors";
import { toUsd } from "../../domain/money";
import type { CheckView, JobDetailView, jobDetailView } from "../../domain/outputs";
import type { CheckRun } from "../../generated/prisma/client";
import { readTree } from "../../workspaces/read-files";
import { candidateViews } from "../candidates/candidate-views";
import { jobRepository } from "../workspace/job-repository";
import { JOB_VIEW_PARTS, toJobView } from "./job-view";

type SpendLine = z.infer<typeof jobDetailView>["spend"][number];

/** @throws AppError `not_found` */
export async function jobDetail({
  ctx: { db, actor },
  input,
}: {
  ctx: Ctx;
  input: { id: string };
}): Promise<JobDetailView> {
  const job = await db.job.findFirst({
    where: { publicId: input.id, teamId: actor.teamId },
    include: JOB_VIEW_PARTS,
  });
  if (!job) throw new AppError("not_found", `There is no job ${input.id} in this team.`);
  const ofRun = { where: { jobId: job.id, run: job.run } };
  const [tasks, checks, deliveries, spend, files, candidates] = await Promise.all([
    db.task.findMany({ ...ofRun, orderBy: { n: "asc" } }),
    db.checkRun.findMany({ ...ofRun, orderBy: { id: "asc" }, take: 1_000 }),
    db.delivery.findMany({ where: { jobId: job.id }, orderBy: { id: "asc" } }),
    spendLines(db, job.id),
    job.headCommit ? readTree(jobRepository(job.publicId), job.headCommit) : [],
    candidateViews(db, job),
  ]);
  return {
    job: await toJobView(db, job),
    spec: job.spec,
    tasks: tasks.map(({ n, title, done, fixes }) => ({ n, title, done, fixes })),
    candidates,
    checks: checks.map(toCheckView),
    files: files.map(({ path, size }) => ({ path, size })),
    deliveries: deliveries.map(({ target, path, commit, deliveredAt }) => ({
      target,
      path,
      commit,
      at: deliveredAt?.toISOString() ?? null,
    })),
    spend,
  };
}

function toCheckView(check: CheckRun): CheckView {
  return {
    key: check.key,
    // Written only with the kinds of the view.
    kind: check.kind as CheckView["kind"],
    passed: check.passed,
    at: check.createdAt.toISOString(),
    report: check.report,
  };
}

async function spendLines(db: Db, jobId: bigint): Promise<SpendLine[]> {
  const rows = await db.spend.groupBy({
    by: ["role", "provider", "model"],
    where: { jobId, state: { in: ["settled", "estimated"] } },
    _count: { _all: true },
    _sum: {
      inputTokens: true,
      outputTokens: true,
      cacheReadTokens: true,
      cacheWriteTokens: true,
      costMicro: true,
    },
    orderBy: [{ role: "asc" }, { provider: "asc" }, { model: "asc" }],
  });
  return rows.map(({ role, provider, model, _count, _sum }) => ({
    role,
    provider,
    model,
    calls: _count._all,
    input_tokens: (_sum.inputTokens ?? 0) + (_sum.cacheReadTokens ?? 0) + (_sum.cacheWriteTokens ?? 0),
    output_tokens: _sum.outputTokens ?? 0,
    cached_tokens: _sum.cacheReadTokens ?? 0,
    cost_usd: toUsd(_sum.costMicro ?? 0n),
  }));
}
