"use client";
import { cx } from "@/components/ui/cx";
import { Icon } from "@/components/ui/icons";
import { Empty } from "@/components/ui/states";
import { isSettled } from "@/server/domain/job-state";
import type { TabProps } from "./job-tabs";
import { SpecText } from "./spec-text";
import type { TaskView } from "./task-view";

/** The checklist ticking off, and SPEC.md below it. */
export function TabPlan({ job, detail, log }: TabProps) {
  const planned = log.events.findLast((event) => event.type === "plan.written");
  const spec = detail.spec ?? planned?.data.spec ?? null;
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
  return (
    <div className="max-w-[80ch]">
      <ol className="flex flex-col">
        {tasks.map((task) => (
          <TaskLine
            key={task.n}
            task={task}
            done={task.done || log.doneTasks.has(task.n)}
            current={task.n === current}
          />
        ))}
      </ol>
      {spec && (
        <section className="mt-8">
          <h2 className="mb-3 border-b hairline pb-1.5 text-xs font-medium text-faint">SPEC.md</h2>
          <SpecText text={spec} />
        </section>
      )}
    </div>
  );
}

function TaskLine({ task, done, current }: { task: TaskView; done: boolean; current: boolean }) {
  const icon = done ? "ring" : current ? "arc" : "dashed";
  return (
    <li className="flex min-h-9 items-start gap-2.5 py-1.5">
      <Icon
        name={icon}
        className={cx("mt-0.5", done ? "text-good" : current ? "turning text-run" : "text-idle")}
      />
      <span className={cx("min-w-0 flex-1 wrap-anywhere", done && "text-muted", current && "font-medium")}>
        {task.title}
        <span className="sr-only">{done ? " (done)" : current ? " (being done)" : " (open)"}</span>
      </span>
      {task.fixes > 0 && (
        <span className="text-xs text-warn">
          {task.fixes} {task.fixes === 1 ? "fix" : "fixes"}
        </span>
      )}
    </li>
  );
}
