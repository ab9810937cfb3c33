import { invoke } from "inngest";
import { z } from "zod";
import { checkTask } from "@/server/loop/check-task";
import { beginFix, logFix } from "@/server/loop/fix-task";
import { tickTask } from "@/server/loop/tick-task";
import { beginAgent } from "@/server/loop/work-on-task";
import { cancelWithJob, inngest } from "../client";
import { drive } from "../drive";
import { runAgent } from "./run-agent";

const task = z.object({ job: z.string(), run: z.number(), n: z.number(), of: z.number() });

/** One task of the checklist: generate, write tests, lint and test, fix while red, tick off. */
export const runTask = inngest.createFunction(
  { id: "run-task", retries: 10, triggers: [invoke(task)], cancelOn: cancelWithJob },
  async ({ event, step }) => {
    const { job, run, n, of } = event.data;
    const ref = { job, run, n, of };
    for (const role of ["coder", "tester"] as const) {
      const begun = await drive(step, `begin-${role}`, ref, (db) => beginAgent(db, ref, role));
      if (!begun) return { ended: true };
      if (!begun.agent) return { ended: false };
      const done = await step.invoke(role, { function: runAgent, data: { job, run, agent: begun.agent } });
      if (done?.ended !== false) return { ended: true };
    }
    let check = await drive(step, "check-0", ref, (db) => checkTask(db, ref, 0));
    for (let round = 1; check && !check.green; round++) {
      const begun = await drive(step, `begin-fix-${round}`, ref, (db) => beginFix(db, ref, round));
      if (!begun) return { ended: true };
      const done = await step.invoke(`fix-${round}`, {
        function: runAgent,
        data: { job, run, agent: begun.agent },
      });
      if (done?.ended !== false) return { ended: true };
      const green = await drive(step, `check-${round}`, ref, (db) => checkTask(db, ref, round));
      if (!green) return { ended: true };
      await drive(step, `log-fix-${round}`, ref, (db) => logFix(db, ref, round, green.green));
      check = green;
    }
    if (!check) return { ended: true };
    const ticked = await drive(step, "tick", ref, (db) => tickTask(db, ref));
    return { ended: ticked === null };
  },
);
