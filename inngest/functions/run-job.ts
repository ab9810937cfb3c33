import { deliver } from "@/server/loop/deliver";
import { beginPlan, writePlan } from "@/server/loop/plan";
import { setUp, takeRun } from "@/server/loop/set-up";
import { end } from "@/server/loop/step-body";
import { cancelWithJob, inngest, jobStarted } from "../client";
import { drive } from "../drive";
import { runAgent } from "./run-agent";
import { runTask } from "./run-task";
import { validateJob } from "./validate-job";

/** One run of a job from its first claim to its delivery: only the order of the steps. */
export const runJob = inngest.createFunction(
  {
    id: "run-job",
    retries: 10,
    triggers: [jobStarted],
    cancelOn: cancelWithJob,
    onFailure: async ({ event, error }) => {
      const { job, run } = event.data.event.data as { job: string; run: number };
      await end({ job, run }, "gave_up", "engine_gave_up", `A step failed again and again: ${error.message}`);
    },
  },
  async ({ event, step, runId }) => {
    const ref = event.data;
    const taken = await drive(step, "take", ref, (db) => takeRun(db, ref, runId));
    if (!taken) return;
    if (!(await drive(step, "setup", ref, (db) => setUp(db, ref)))) return;

    const plan = await drive(step, "begin-plan", ref, (db) => beginPlan(db, ref));
    if (!plan) return;
    if (plan.agent) {
      const planned = await step.invoke("planner", {
        function: runAgent,
        data: { ...ref, agent: plan.agent },
      });
      if (planned?.ended !== false) return;
    }
    const written = await drive(step, "write-plan", ref, (db) => writePlan(db, ref));
    if (!written) return;

    for (let n = 1; n <= written.tasks; n++) {
      const task = await step.invoke(`task-${n}`, {
        function: runTask,
        data: { ...ref, n, of: written.tasks },
      });
      if (task?.ended !== false) return;
    }
    const verdict = await step.invoke("validate", { function: validateJob, data: ref });
    if (verdict?.passed !== true) return;
    await drive(step, "deliver", ref, (db) => deliver(db, ref));
  },
);
