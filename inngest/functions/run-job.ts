import { takeBaseline } from "@/server/loop/baseline";
import { deliver } from "@/server/loop/deliver";
import { learn } from "@/server/loop/learn";
import { setUp, takeRun } from "@/server/loop/set-up";
import { endGivenUp } from "@/server/loop/step-body";
import { cancelWithJob, inngest, jobStarted } from "../client";
import { drive } from "../drive";
import { bringIn } from "./bring-in";
import { writeBundle } from "./bundle-job";
import { external, prepareExternal } from "./external";
import { planJob } from "./plan-job";
import { review } from "./review-job";
import { runCandidates } from "./run-candidates";
import { runTask, workOnTask } from "./run-task";
import { validate } from "./validate-job";

/** A checklist of at most so many tasks is worked on in the run itself: another run costs three calls more a task. */
const TASKS_IN_ONE_RUN = 5;

/** One run of a job from its first claim to its delivery: only the order of the steps. */
export const runJob = inngest.createFunction(
  {
    id: "run-job",
    retries: 10,
    triggers: [jobStarted],
    cancelOn: cancelWithJob,
    onFailure: async ({ event, error }) => {
      const { job, run } = event.data.event.data as { job: string; run: number };
      const ref = { job, run, engine: event.data.run_id };
      await endGivenUp(ref, `A step failed again and again: ${error.message}`);
    },
  },
  async ({ event, step, runId }) => {
    const { job, run, after } = event.data;
    const ref = { job, run, engine: runId };
    const ready = await drive(step, "setup", ref, async (db) => {
      await takeRun(db, ref, runId, after);
      return setUp(db, ref);
    });
    if (!ready) return;
    if (ready.external) {
      if (ready.prepares && !(await prepareExternal(step, ref))) return;
      if (!(await external(step, ref, ready.change))) return;
      await drive(step, "deliver", ref, (db) => deliver(db, ref));
      await drive(step, "learn", ref, (db) => learn(db, ref));
      return;
    }

    // Candidates are judged by what their parent has seen of the base.
    const wholly = ready.candidates !== null;
    if (wholly && ready.change && !(await drive(step, "baseline", ref, (db) => takeBaseline(db, ref))))
      return;

    const written = await planJob(step, ref);
    if (!written) return;

    const of = written.tasks;
    const alone = (ready.candidates ?? 1) === 1;
    if (!alone && !(await runCandidates(step, ref))) return;
    for (let n = 1; alone && n <= of; n++) {
      const task = { ...ref, n, of };
      if (of <= TASKS_IN_ONE_RUN) {
        if (!(await workOnTask(step, task))) return;
        continue;
      }
      const done = await step.invoke(`task-${n}`, { function: runTask, data: task });
      if (done?.ended !== false) return;
    }
    if (wholly && ready.change && !(await bringIn(step, ref, of))) return;
    if (ready.deploys && !(await writeBundle(step, ref))) return;
    if (alone && !(await review(step, ref, of))) return;
    if (!(await validate(step, ref))) return;
    if (wholly) await drive(step, "deliver", ref, (db) => deliver(db, ref));
    await drive(step, "learn", ref, (db) => learn(db, ref));
  },
);
