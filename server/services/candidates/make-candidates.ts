// The candidates of one run of a job, made together with its pause: once, whoever asks how often (the parent's row is
// locked, and an index allows each number once). What a candidate is given is what its parent was asked for, the plan,
// and an approach of its own.
import type { Tx } from "../../db";
import { ROLES, type Role } from "../../domain/roles";
import { type Job, Prisma } from "../../generated/prisma/client";
import { choiceName, modelsFor } from "../../models/choose-model";
import { type FiledJob, insertJob } from "../jobs/insert-jobs";
import { rankAt } from "../jobs/move-columns";
import { announce, logGrew } from "../queue/announce";
import { CLAIMABLE } from "../queue/announce-claimable";
import { handDownMessages } from "../steering/hand-down-messages";

export interface Approach {
  title: string;
  text: string;
}

export interface NewCandidates {
  /** The parent, with its row locked. */
  parent: Job;
  /** The plan that all work off. */
  spec: string;
  /** The first for the first candidate; there may be fewer than candidates. */
  approaches: readonly Approach[];
}

/** The candidates of the parent's present run, in order. */
export function candidatesOf(tx: Pick<Tx, "job">, parent: Pick<Job, "id" | "run">): Promise<Job[]> {
  return tx.job.findMany({
    where: { parentId: parent.id, parentRun: parent.run, candidateN: { not: null } },
    orderBy: { candidateN: "asc" },
  });
}

/**
 * Files the candidates. They keep their parent's place in the queue, which it has waited for already.
 * @throws a unique violation when they are there
 */
export async function makeCandidates(
  tx: Tx,
  { parent, spec, approaches }: NewCandidates,
): Promise<FiledJob[]> {
  const before = await tx.job.count({ where: { parentId: parent.id, candidateN: { not: null } } });
  const made: FiledJob[] = [];
  for (let n = 1; n <= parent.candidates; n++) {
    const approach = approaches[n - 1];
    made.push(
      await insertJob(tx, {
        ...sharedWith(parent),
        ...modelsOf(parent, n),
        publicId: `${parent.publicId}-CAND-${before + n}`,
        candidateN: n,
        approach: approach?.title ?? null,
        context: contextOf(parent, approach),
        spec,
      }),
    );
  }
  await tx.$executeRaw`
    UPDATE job SET rank = ${rankAt(Prisma.sql`${parent.queuedAt ?? parent.createdAt}::timestamptz`, Prisma.sql`priority`)}
    WHERE parent_id = ${parent.id} AND parent_run = ${parent.run}::int`;
  await handDownMessages(tx, parent, made);
  await announce(tx, [...made.map(logGrew), CLAIMABLE]);
  return made;
}

function sharedWith(parent: Job) {
  const { teamId, createdById, title, description, type, features, techStack, projectId, baseBranch } =
    parent;
  return {
    kind: "candidate" as const,
    teamId,
    createdById,
    title,
    description,
    type,
    features,
    techStack,
    projectId,
    baseBranch,
    behaviourUnchanged: parent.behaviourUnchanged,
    declaredFiles: parent.declaredFiles,
    referenceFiles: parent.referenceFiles,
    requiredPatterns: parent.requiredPatterns,
    requiredTests: parent.requiredTests,
    // What is held back from them is their parent's: counts of their own could not be compared.
    holdBackTests: false,
    needs: parent.needs,
    priority: parent.priority,
    // Money is the root's; the cap is kept for whoever reads the row.
    budgetMicroUsd: parent.budgetMicroUsd,
    maxFixes: parent.maxFixes,
    parentId: parent.id,
    parentRun: parent.run,
    rootId: parent.rootId ?? parent.id,
    waits: null,
    depends: [],
  };
}

function contextOf({ context }: Job, approach: Approach | undefined): string | null {
  if (!approach) return context;
  const own = `Approach of this candidate: ${approach.title}\n${approach.text}`;
  return context ? `${context}\n\n${own}` : own;
}

type Choices = Partial<Record<Role, string>>;

/** Every second candidate asks the second models first, whoever named them, so that not all have the same blind spots. */
function modelsOf(parent: Job, n: number): { models: Choices; fallbackModels: Choices } {
  const models = { ...(parent.models as Choices) };
  const fallbackModels = { ...(parent.fallbackModels as Choices) };
  for (const role of n % 2 === 0 ? ROLES : []) {
    const { first, second } = modelsFor(role, parent);
    if (!second) continue;
    models[role] = choiceName(second);
    fallbackModels[role] = choiceName(first);
  }
  return { models, fallbackModels };
}
