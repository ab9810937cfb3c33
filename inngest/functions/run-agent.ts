import { invoke } from "inngest";
import { z } from "zod";
import { takeTurn } from "@/server/agents/take-turn";
import type { Db } from "@/server/db";
import type { RunRef } from "@/server/services/jobs/active-job";
import { cancelWithJob, inngest } from "../client";
import { drive, type Step } from "../drive";

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
      const turn = await drive(step, `turn-${n}`, ref, (db) => takeTurn(db, ref, agent, n));
      if (!turn) return { ended: true };
      if (turn.finished) return { ended: false };
    }
  },
);

/** What the first step of an agent run comes to; `agent` is null when there is nothing for it to do. */
interface Begun {
  agent: string | null;
  finished: boolean;
}

/**
 * One agent run. It begins and takes its first turn in one engine step, because many are done with that; only what
 * goes on becomes a run of its own, which keeps the turns of many agents out of one run's state.
 * @returns false when this run of the job is over
 */
export async function agent(
  step: Step,
  name: string,
  ref: RunRef,
  begin: (db: Db) => Promise<{ agent: string | null }>,
): Promise<boolean> {
  const first = await drive(step, name, ref, async (db): Promise<Begun> => {
    const { agent: key } = await begin(db);
    return { agent: key, finished: key === null || (await takeTurn(db, ref, key, 1)).finished };
  });
  if (!first) return false;
  if (first.finished || first.agent === null) return true;
  const { job, run, engine } = ref;
  const data = { job, run, engine, agent: first.agent, from: 2 };
  const done = await step.invoke(`${name}:turns`, { function: runAgent, data });
  // A cancelled function resolves with something else.
  return done?.ended === false;
}
