import { invoke } from "inngest";
import { z } from "zod";
import { agentTurn } from "@/server/loop/agent-turn";
import { firstTurn } from "@/server/loop/first-turn";
import type { RunRef } from "@/server/services/jobs/active-job";
import { cancelWithJob, inngest } from "../client";
import { drive, type Step, type Work } from "../drive";

const turns = z.object({
  job: z.string(),
  run: z.number(),
  engine: z.string().optional(),
  agent: z.string(),
  from: z.number(),
});

/** The turns of one agent run from `from` on, until it finishes. A turn is normally one engine step. */
export const runAgent = inngest.createFunction(
  { id: "run-agent", retries: 10, triggers: [invoke(turns)], cancelOn: cancelWithJob },
  async ({ event, step }) => {
    const { agent, from, ...ref } = event.data;
    for (let n = from; ; n++) {
      const turn = await drive(step, `turn-${n}`, ref, (db) => agentTurn(db, ref, agent, n));
      if (!turn) return { ended: true, stuck: false };
      if (turn.finished) return { ended: false, stuck: turn.stuck === true };
    }
  },
);

/** How an agent run came to its end: `over` when this run of the job is over. */
export type AgentEnd = "done" | "stuck" | "over";

/**
 * One agent run. It begins and takes its first turn in one engine step, because many are done with that; only what
 * goes on becomes a run of its own, which keeps the turns of many agents out of one run's state.
 */
export async function agentEnd(
  step: Step,
  name: string,
  ref: RunRef,
  begin: Work<{ agent: string | null }>,
): Promise<AgentEnd> {
  const first = await drive(step, name, ref, (db) => firstTurn(db, ref, begin));
  if (!first) return "over";
  if (first.finished || first.agent === null) return first.stuck ? "stuck" : "done";
  const { job, run, engine } = ref;
  const data = { job, run, engine, agent: first.agent, from: 2 };
  const done = await step.invoke(`${name}:turns`, { function: runAgent, data });
  // A cancelled function resolves with something else.
  if (done?.ended !== false) return "over";
  return done.stuck ? "stuck" : "done";
}

/** The same for an agent without whom nothing can go on. @returns false when this run of the job is over */
export async function agent(
  step: Step,
  name: string,
  ref: RunRef,
  begin: Work<{ agent: string | null }>,
): Promise<boolean> {
  return (await agentEnd(step, name, ref, begin)) !== "over";
}
