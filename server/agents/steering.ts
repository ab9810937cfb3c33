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
 * are pinned to turn `n` first; asking again for the same turn gives them again.
 */
export async function steeringFor(db: Db, job: Job, agentRun: AgentRun, n: number): Promise<SteerMessage[]> {
  // The factory's own agents of such a job write its plan and tests; what people say is for the one who does the work.
  if (job.agent === "external") return [];
  const seen = await look(db, job, agentRun, n);
  if (seen.every((message) => message.turn !== null)) return seen as SteerMessage[];
  await db.$executeRaw`
    UPDATE job_message m SET agent_run_id = ${agentRun.id}, turn = ${n}::int WHERE ${waitsIn(job)}
      AND NOT EXISTS (SELECT 1 FROM turn WHERE agent_run_id = ${agentRun.id} AND n = ${n}::int)`;
  const pinned = await look(db, job, agentRun, n);
  return pinned.filter((message): message is SteerMessage => message.turn !== null);
}

type Seen = Omit<SteerMessage, "turn"> & { turn: number | null };

/** What stands in the agent run's questions, and what waits for any turn of the job (`turn` null). */
function look(db: Db, job: Job, agentRun: AgentRun, n: number): Promise<Seen[]> {
  return runStatement<Seen>(
    db,
    Prisma.sql`
    SELECT m.id, m.turn, m.author, m.text FROM job_message m WHERE m.agent_run_id = ${agentRun.id}::bigint
      AND m.turn <= ${n}::int AND NOT (${waitsIn(job)})
    UNION ALL
    SELECT m.id, NULL, m.author, m.text FROM job_message m WHERE ${waitsIn(job)}
    ORDER BY id`,
  );
}

/**
 * Messages `m` that no model has read and that nobody is asking with: the agent run that they were pinned to ended
 * without reading them, or its turn was answered by another process, which had asked before they came.
 */
const waitsIn = (
  job: Job,
) => Prisma.sql`m.job_id = ${job.id}::bigint AND m.run = ${job.run}::int AND m.delivered_at IS NULL
  AND NOT EXISTS (SELECT 1 FROM agent_run a WHERE a.id = m.agent_run_id AND a.state = 'running'
    AND NOT EXISTS (SELECT 1 FROM turn t WHERE t.agent_run_id = a.id AND t.n = m.turn))`;

/**
 * The messages of a turn as a part of the statement that stores its answer, where `made` is the new turn: what stood in
 * the question is read now.
 * @param asked ids of the messages in the question
 */
export function readWith(agentRun: AgentRun, n: number, asked: readonly bigint[]): Prisma.Sql[] {
  if (asked.length === 0) return [];
  return [
    Prisma.sql`heard AS (
      UPDATE job_message SET delivered_at = now()
      WHERE id = ANY(${asked}::bigint[]) AND agent_run_id = ${agentRun.id} AND turn = ${n}::int
        AND EXISTS (SELECT 1 FROM made))`,
  ];
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
