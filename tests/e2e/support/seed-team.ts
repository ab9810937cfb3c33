// People and learnings of the oldest team, written straight into the database: what the pages under test cannot make.
import { randomBytes } from "node:crypto";
import { connect, type Db } from "@/server/db";
import { newJobId } from "@/server/domain/ids";
import { hashPassword } from "@/server/services/auth/password";

async function inTeam<T>(databaseUrl: string, work: (db: Db, teamId: bigint) => Promise<T>): Promise<T> {
  const db = connect(databaseUrl, 2);
  try {
    const team = await db.team.findFirstOrThrow({ orderBy: { id: "asc" } });
    return await work(db, team.id);
  } finally {
    await db.$disconnect();
  }
}

/** Somebody of the team, who may sign in. */
export function addPerson(databaseUrl: string, role: "member" | "viewer") {
  return inTeam(databaseUrl, async (db, teamId) => {
    const username = `${role}-${randomBytes(4).toString("hex")}`;
    const password = randomBytes(12).toString("hex");
    const data = { username, email: `${username}@test.example`, passwordHash: await hashPassword(password) };
    const { id: userId } = await db.user.create({ data });
    await db.membership.create({ data: { userId, teamId, role } });
    return { username, password };
  });
}

/**
 * A learning that a failed job found out, told to others often and in vain.
 * @returns the job's public id
 */
export function seedLearning(databaseUrl: string, title: string, text: string): Promise<string> {
  return inTeam(databaseUrl, async (db, teamId) => {
    const publicId = newJobId(new Date(), randomBytes(4));
    const job = await db.job.create({
      data: {
        ...{ publicId, teamId, state: "failed", title: `Job that found: ${title}`, description: "" },
        ...{ techStack: ["node"], priority: "medium", rank: 0n, claimable: false, budgetMicroUsd: 1n },
      },
    });
    await db.job.update({ where: { id: job.id }, data: { rootId: job.id } });
    await db.learning.create({
      data: {
        ...{ teamId, kind: "gotcha", title, text, origin: "job", jobId: job.id, run: 1 },
        ...{ stack: ["node"], files: [], hash: randomBytes(32).toString("hex"), score: -0.4, uses: 12 },
      },
    });
    return publicId;
  });
}
