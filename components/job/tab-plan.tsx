"use client";
import { Empty } from "@/components/ui/states";
import { isSettled } from "@/server/domain/job-state";
import type { JobDetailView } from "@/server/domain/outputs";
import { PlanReview } from "./plan-review";
import { SpecText } from "./spec-text";
import type { TabProps } from "./tab-props";
import { TaskLine, type TaskLook } from "./task-line";

type TaskView = JobDetailView["tasks"][number];

/** SPEC.md with its checklist ticking off. */
export function TabPlan({ job, detail, log }: TabProps) {
  const planned = log.events.findLast((event) => event.type === "plan.written");
  // Where the plan is read first, what was written last may be another than what was given.
  const spec = (job.approve_plan ? planned?.data.spec : null) ?? detail.spec ?? planned?.data.spec ?? null;
  const tasks: TaskView[] =
    detail.tasks.length > 0
      ? detail.tasks
      : (planned?.data.tasks ?? []).map(({ n, title }) => ({ n, title, done: false, fixes: 0 }));
  if (!spec && tasks.length === 0) {
    return (
      <Empty
        icon="file"
        title="No plan yet"
        text="The planner writes SPEC.md, a checklist of tasks that are then worked off one by one."
      />
    );
  }
  const current = isSettled(job.status) ? null : log.timeline.at(-1)?.task;
  const look = (task: TaskView): TaskLook => ({
    done: task.done || log.doneTasks.has(task.n),
    current: task.n === current,
    fixes: task.fixes,
  });
  const byTitle = new Map(tasks.map((task) => [task.title.trim(), look(task)]));
  // What came up after the plan, such as the merge of a base that moved, is no line of it.
  const later = spec ? tasks.filter((task) => !spec.includes(task.title.trim())) : tasks;
  return (
    <>
      {job.approve_plan && <PlanReview job={job} />}
      {spec && <SpecText text={spec} lookUp={(title) => byTitle.get(title.trim()) ?? null} />}
      {spec && later.length > 0 && <h3 className="mt-5 mb-2 font-semibold">Added to the plan</h3>}
      <ol className="flex max-w-[80ch] flex-col gap-2">
        {later.map((task) => (
          <li key={task.n}>
            <TaskLine look={look(task)}>{task.title}</TaskLine>
          </li>
        ))}
      </ol>
    </>
  );
}
