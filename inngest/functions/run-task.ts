import { invoke } from "inngest";
import { z } from "zod";
import { checkTask } from "@/server/loop/check-task";
import { beginFix, logFix } from "@/server/loop/fix-task";
import { tickTask } from "@/server/loop/tick-task";
import { beginAgent, type TaskRef } from "@/server/loop/work-on-task";
import { cancelWithJob, inngest } from "../client";
import { drive, type Step } from "../drive";
import { agent } from "./run-agent";

const task = z.object({
  job: z.string(),
  run: z.number(),
  engine: z.string().optional(),
  n: z.number(),
  of: z.number(),
});

/** One task of a long checklist, as a run of its own: an engine run may have 1,000 steps. */
export const runTask = inngest.createFunction(
  { id: "run-task", retries: 10, triggers: [invoke(task)], cancelOn: cancelWithJob },
  async ({ event, step }) => {
    const { job, run, engine, n, of } = event.data;
    return { ended: !(await workOnTask(step, { job, run, engine, n, of })) };
  },
);

/**
 * One task of the checklist: generate, write tests, lint and test, fix while red, tick off.
 * @returns false when this run of the job is over
 */
export async function workOnTask(step: Step, ref: TaskRef): Promise<boolean> {
  const named = (name: string) => `task-${ref.n}/${name}`;
  for (const role of ["coder", "tester"] as const) {
    if (!(await agent(step, named(role), ref, (db) => beginAgent(db, ref, role)))) return false;
  }
  return checkAndFix(step, ref);
}

/** The second half: lint and test, fix while red, tick off. @returns false when this run of the job is over */
export async function checkAndFix(step: Step, ref: TaskRef): Promise<boolean> {
  const named = (name: string) => `task-${ref.n}/${name}`;
  let check = await drive(step, named("check-0"), ref, (db) => checkTask(db, ref, 0));
  for (let round = 1; check && !check.green; round++) {
    if (!(await agent(step, named(`fix-${round}`), ref, (db) => beginFix(db, ref, round)))) return false;
    check = await drive(step, named(`check-${round}`), ref, async (db) => {
      const checked = await checkTask(db, ref, round);
      await logFix(db, ref, round, checked.green);
      return checked;
    });
  }
  if (!check) return false;
  return (await drive(step, named("tick"), ref, (db) => tickTask(db, ref))) !== null;
}
