import { invoke } from "inngest";
import { z } from "zod";
import { checkTask } from "@/server/loop/check-task";
import {
  beginDebug,
  DEBUG_BEFORE_FIX,
  settleDebug,
  stuckAfterDebugger,
  type Trouble,
} from "@/server/loop/debug-task";
import { beginFix, logFix } from "@/server/loop/fix-task";
import { holdBack } from "@/server/loop/hold-back";
import { restoreTests } from "@/server/loop/restore-tests";
import type { TaskRef } from "@/server/loop/task-ref";
import { tickTask } from "@/server/loop/tick-task";
import { beginAgent } from "@/server/loop/work-on-task";
import { cancelWithJob, inngest } from "../client";
import { drive, type Step, type Work } from "../drive";
import { agentEnd } from "./run-agent";

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

/** What a task has asked for so far: the debugger looks into one stuck agent of it, no more. */
interface Asked {
  debugger: boolean;
}

/**
 * One task of the checklist: generate, write tests, lint and test, fix while red, tick off.
 * @returns false when this run of the job is over
 */
export async function workOnTask(step: Step, ref: TaskRef): Promise<boolean> {
  const asked: Asked = { debugger: false };
  for (const role of ["coder", "tester"] as const) {
    const begin: Begin = (again) => (db) => beginAgent(db, ref, role, again);
    if (!(await taskAgent(step, ref, role, asked, begin))) return false;
  }
  return checkAndFix(step, ref, asked);
}

/** The second half: lint and test, fix while red, tick off. @returns false when this run of the job is over */
export async function checkAndFix(
  step: Step,
  ref: TaskRef,
  asked: Asked = { debugger: false },
): Promise<boolean> {
  const named = (name: string) => `task-${ref.n}/${name}`;
  let check = await drive(step, named("check-0"), ref, async (db) => {
    await holdBack(db, ref);
    return checkTask(db, ref, 0);
  });
  for (let round = 1; check && !check.green; round++) {
    if (round === DEBUG_BEFORE_FIX && !(await debug(step, ref, { round }, ["debugger", "debugged"])))
      return false;
    const begin: Begin = (again) => (db) => beginFix(db, ref, round, again);
    if (!(await taskAgent(step, ref, `fix-${round}`, asked, begin))) return false;
    check = await drive(step, named(`check-${round}`), ref, async (db) => {
      await restoreTests(db, ref, round);
      const checked = await checkTask(db, ref, round);
      await logFix(db, ref, round, checked.green);
      return checked;
    });
  }
  if (!check) return false;
  return (await drive(step, named("tick"), ref, (db) => tickTask(db, ref))) !== null;
}

type Begin = (again: boolean) => Work<{ agent: string | null }>;

/**
 * An agent of a task. One that is stuck is looked into by the debugger and followed by another one, once a task; after
 * that a person is asked. @returns false when this run of the job is over
 */
async function taskAgent(
  step: Step,
  ref: TaskRef,
  name: string,
  asked: Asked,
  begin: Begin,
): Promise<boolean> {
  const named = (what: string) => `task-${ref.n}/${what}`;
  const giveUp = () => drive(step, named(`stuck-${name}`), ref, (db) => stuckAfterDebugger(db, ref, name));
  const first = await agentEnd(step, named(name), ref, begin(false));
  if (first !== "stuck") return first === "done";
  if (asked.debugger) return (await giveUp()) !== null;
  asked.debugger = true;
  if (!(await debug(step, ref, { stuck: name }, [`debug-${name}`, `debugged-${name}`]))) return false;
  const second = await agentEnd(step, named(`${name}-again`), ref, begin(true));
  if (second !== "stuck") return second === "done";
  return (await giveUp()) !== null;
}

/** The debugger, and taking back what it left. @returns false when this run of the job is over */
async function debug(
  step: Step,
  ref: TaskRef,
  trouble: Trouble,
  [looks, settles]: [string, string],
): Promise<boolean> {
  const named = (name: string) => `task-${ref.n}/${name}`;
  const end = await agentEnd(step, named(looks), ref, (db) => beginDebug(db, ref, trouble));
  if (end === "over") return false;
  return (await drive(step, named(settles), ref, (db) => settleDebug(db, ref, trouble))) !== null;
}
