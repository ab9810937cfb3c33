// What people say to the agents of a job while it runs. A message stands in the question of one turn: the first one that
// is asked for after it was sent. It is pinned to that turn before the question and stays there with its answer, so it is
// read once and keeps its place in every later question.
import { type Db, runStatement } from "../db";
import { type AgentRun, type Job, Prisma } from "../generated/prisma/client";

/** A message at its place. */
export interface SteerMessage {
  id: bigint;
  /** The turn of the agent run in whose question it stands. */
  turn: number;
  author: string;
  text: string;
}

const LEAD =
  "People of your team say this while you work. It counts from now on, over what you were told before; the rules of your role stay as they are.";

/**
 * The messages in the questions of an agent run up to turn `n`, in the order in which they were sent. Those that wait
 * are pinned to turn `n` first, unless it is answered; asking again for the same turn gives them again.
 */
export async function steeringFor(db: Db, job: Job, agentRun: AgentRun, n: number): Promise<SteerMessage[]> {
  const seen = await look(db, job, agentRun, n);
  if (seen.every((message) => message.turn !== null)) return seen as SteerMessage[];
  await db.$transaction(async (tx) => {
    // Whoever stores an answer holds this row as well: afterwards the turn is answered, or the message is in its place.
    await tx.$queryRaw`SELECT 1 FROM job WHERE id = ${job.rootId ?? job.id} FOR UPDATE`;
    await tx.$executeRaw`
      UPDATE job_message m SET agent_run_id = ${agentRun.id}, turn = ${n}::int
      WHERE ${waitsIn(job)} AND NOT EXISTS (SELECT 1 FROM turn WHERE agent_run_id = ${agentRun.id} AND n = ${n}::int)`;
  });
  const pinned = await look(db, job, agentRun, n);
  return pinned.filter((message): message is SteerMessage => message.turn !== null);
}

type Seen = Omit<SteerMessage, "turn"> & { turn: number | null };

/** What is pinned to the agent run, and what waits for any turn of the job (`turn` null). */
function look(db: Db, job: Job, agentRun: AgentRun, n: number): Promise<Seen[]> {
  return runStatement<Seen>(
    db,
    Prisma.sql`
    SELECT id, turn, author, text FROM job_message WHERE agent_run_id = ${agentRun.id}::bigint AND turn <= ${n}::int
    UNION ALL
    SELECT m.id, NULL, m.author, m.text FROM job_message m WHERE ${waitsIn(job)}
    ORDER BY id`,
  );
}

/** Messages `m` that no model has read and that no agent run is asking with: one that ended without an answer gives its own back. */
const waitsIn = (
  job: Job,
) => Prisma.sql`m.job_id = ${job.id}::bigint AND m.run = ${job.run}::int AND m.delivered_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM agent_run a WHERE a.id = m.agent_run_id AND a.state = 'running')`;

/**
 * The messages of a turn as a part of the statement that stores its answer, where `made` is the new turn: those that
 * stood in the question are read now, and one that came too late for it waits for the next.
 * @param asked ids of the messages in the question
 */
export function readWith(agentRun: AgentRun, n: number, asked: readonly bigint[]): Prisma.Sql {
  const was = Prisma.sql`m.id = ANY(${asked}::bigint[])`;
  return Prisma.sql`heard AS (
    UPDATE job_message m SET delivered_at = CASE WHEN ${was} THEN now() END,
      agent_run_id = CASE WHEN ${was} THEN m.agent_run_id END, turn = CASE WHEN ${was} THEN m.turn END
    WHERE m.agent_run_id = ${agentRun.id} AND m.turn = ${n}::int AND EXISTS (SELECT 1 FROM made))`;
}

/** The text of a user message before turn `n`, with what people said for that turn behind it. */
export function withSteering(text: string, steering: readonly SteerMessage[], n: number): string {
  const said = steering.filter((message) => message.turn === n);
  if (said.length === 0) return text;
  const blocks = said.map(({ author, text: words }) => {
    const safe = `${author}: ${words}`.replaceAll("</steering>", "<\\/steering>");
    return `<steering>${safe}</steering>`;
  });
  return [...(text === "" ? [] : [text]), LEAD, ...blocks].join("\n");
}
