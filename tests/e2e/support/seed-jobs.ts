// Writes jobs with long and hostile logs straight into a database: what no run of the factory makes on purpose.
import { connect, type Db } from "@/server/db";
import type { NewJobEvent } from "@/server/domain/events";
import { crockford } from "@/server/domain/ids";
import type { JobState } from "@/server/domain/job-state";
import type { Prisma } from "@/server/generated/prisma/client";
import { failedStory, longStory, runningStory, type Story } from "./stories";

const MINUTE = 60_000;

/** Public ids of what was written. */
export interface Seeded {
  running: string;
  failed: string;
  long: string;
}

/**
 * Adds one job of each kind to the oldest team.
 * @param longLines lines of output of the long job
 */
export async function seedJobs(databaseUrl: string, longLines = 10_000): Promise<Seeded> {
  const db = connect(databaseUrl, 2);
  try {
    const team = await db.team.findFirstOrThrow({ orderBy: { id: "asc" } });
    const write = (story: Story, n: number) => writeJob(db, team.id, story, n);
    await write({ ...waitingStory("Sistema de gerenciamento de tarefas", "pending"), claimable: true }, 1);
    await write(
      { ...waitingStory("Export invoices as PDF", "pending"), waitingReason: "waits for the day's budget" },
      2,
    );
    await write(waitingStory("Chat bot for the shop", "paused"), 3);
    await write(waitingStory("Old idea", "cancelled"), 4);
    return {
      failed: await write(failedStory(), 5),
      long: await write(longStory(longLines), 6),
      running: await write(runningStory(), 7),
    };
  } finally {
    await db.$disconnect();
  }
}

function waitingStory(title: string, state: JobState): Story {
  return { title, state, progress: 0, events: [{ type: "job.created", data: { title, kind: "build" } }] };
}

async function writeJob(db: Db, teamId: bigint, story: Story, n: number): Promise<string> {
  const start = Date.now() - (10 - n) * MINUTE - story.events.length * 20;
  const publicId = `JOB-${new Date(start).toISOString().replace(/\D/g, "").slice(0, 14)}-${crockford(new Uint8Array([n, n * 7, n * 13, n * 17]), 4)}`;
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
  return publicId;
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
