import { invoke } from "inngest";
import { z } from "zod";
import { takeTurn } from "@/server/agents/take-turn";
import { cancelWithJob, inngest } from "../client";
import { drive } from "../drive";

/** One agent run: turn after turn until it finishes. A turn is normally one engine step. */
export const runAgent = inngest.createFunction(
  {
    id: "run-agent",
    retries: 10,
    triggers: [invoke(z.object({ job: z.string(), run: z.number(), agent: z.string() }))],
    cancelOn: cancelWithJob,
  },
  async ({ event, step }) => {
    const { job, run, agent } = event.data;
    const ref = { job, run };
    for (let n = 1; ; n++) {
      const turn = await drive(step, `turn-${n}`, ref, (db) => takeTurn(db, ref, agent, n));
      if (!turn) return { ended: true };
      if (turn.finished) return { ended: false };
    }
  },
);
