// Writes jobs with long and hostile logs straight into a database: what no run of the factory makes on purpose.
import { randomBytes } from "node:crypto";
import { connect, type Db } from "@/server/db";
import type { NewJobEvent } from "@/server/domain/events";
import { newJobId } from "@/server/domain/ids";
import type { Prisma } from "@/server/generated/prisma/client";
import type { Story } from "./stories";
import type { SeededAgentRun } from "./transcripts";

const MINUTE = 60_000;

/**
 * Adds jobs to the oldest team.
 * @returns their public ids, in the order given
 */
export async function seedJobs(databaseUrl: string, stories: readonly Story[]): Promise<string[]> {
  const db = connect(databaseUrl, 2);
  try {
    const team = await db.team.findFirstOrThrow({ orderBy: { id: "asc" } });
    const ids: string[] = [];
    for (const story of stories) ids.push(await writeJob(db, team.id, story, ids.length));
    return ids;
  } finally {
    await db.$disconnect();
  }
}

async function writeJob(db: Db, teamId: bigint, story: Story, n: number): Promise<string> {
  const start = Date.now() - (10 - n) * MINUTE - story.events.length * 20;
  const publicId = newJobId(new Date(start), randomBytes(4));
  const settled = ["completed", "failed", "cancelled"].includes(story.state);
  const { id } = await db.job.create({
    data: {
      publicId,
      teamId,
      state: story.state,
      title: story.title,
      description: story.description ?? "",
      features: story.features ?? [],
      techStack: story.stack ?? ["node"],
      priority: "medium",
      rank: BigInt(start),
      claimable: story.claimable ?? false,
      waitingReason: story.waitingReason ?? null,
      budgetMicroUsd: 5_000_000n,
      spentMicroUsd: BigInt(story.spentMicroUsd ?? 0),
      currentStep: story.step ?? null,
      progress: story.progress,
      iterations: story.iterations ?? 0,
      errorMessage: story.error ?? null,
      errorCode: story.error ? "out_of_fixes" : null,
      spec: story.spec ?? null,
      testResults: (story.tests as Prisma.InputJsonValue | undefined) ?? undefined,
      lastSeq: story.events.length,
      createdAt: new Date(start),
      queuedAt: new Date(start),
      startedAt: story.state === "pending" ? null : new Date(start + 800),
      completedAt: settled ? new Date(start + story.events.length * 20) : null,
      tasks: { create: (story.tasks ?? []).map((task, i) => ({ run: 1, n: i + 1, fixes: 0, ...task })) },
      checks: { create: (story.checks ?? []).map((check) => ({ run: 1, ...check })) },
    },
  });
  await db.job.update({ where: { id }, data: { rootId: id } });
  await db.jobEvent.createMany({ data: story.events.map((event, i) => row(id, event, i, start)) });
  for (const agentRun of story.agentRuns ?? []) await writeAgentRun(db, id, agentRun, start);
  return publicId;
}

async function writeAgentRun(db: Db, jobId: bigint, run: SeededAgentRun, start: number): Promise<void> {
  const { key, role, state, result, prompt, turns } = run;
  const given = prompt && {
    ...prompt,
    tools: [{ name: "run" }, { name: "finish" }],
    forceTool: null,
    maxTurns: 80,
  };
  const made = await db.agentRun.create({
    data: {
      ...{ jobId, run: 1, key, role, state, turns: turns.length, provider: "simulation", model: "sim-1" },
      prompt: given ?? { expired: true },
      result,
      spentMicroUsd: BigInt(turns.length) * 300n,
      startedAt: new Date(start),
      endedAt: new Date(start + turns.length * 1_000),
    },
  });
  await db.turn.createMany({
    data: turns.map((turn, i) => ({
      agentRunId: made.id,
      n: i + 1,
      answer: {
        text: turn.text,
        calls: turn.calls ?? [],
        stop: turn.calls ? "tool" : "end",
        ...(turn.thinking && { raw: [{ type: "thinking", thinking: turn.thinking }] }),
        ...(turn.expired && { expired: true }),
      } as unknown as Prisma.InputJsonValue,
      usage: { input: 1_200, output: 90, cacheRead: 900, cacheWrite: 0 },
      costMicroUsd: 300n,
      modelMs: 1_400,
      askedAt: new Date(start + i * 1_000),
      finishedAt: new Date(start + i * 1_000 + 200),
      observations: (turn.results ?? []) as unknown as Prisma.InputJsonValue,
      nudge: turn.nudge ?? null,
    })),
  });
  for (const [i, { said }] of turns.entries())
    if (said)
      await db.jobMessage.create({
        data: {
          jobId,
          run: 1,
          author: "ana",
          text: said,
          agentRunId: made.id,
          turn: i + 1,
          deliveredAt: new Date(),
        },
      });
}

function row(jobId: bigint, event: NewJobEvent, i: number, start: number): Prisma.JobEventCreateManyInput {
  return {
    jobId,
    seq: i + 1,
    run: 1,
    type: event.type,
    data: event.data as unknown as Prisma.InputJsonValue,
    at: new Date(start + i * 20),
  };
}
