"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import type { z } from "zod";
import { useTRPC } from "@/components/api/trpc";
import { ConfirmButton } from "@/components/ui/confirm";
import { StateBadge } from "@/components/ui/job-state";
import { showNotice } from "@/components/ui/notices";
import { PRIORITY_LABEL, PRIORITY_ORDER } from "@/components/ui/priority";
import { Elapsed } from "@/components/ui/time";
import type { queuePeekView } from "@/server/domain/outputs";
import type { Priority } from "@/server/domain/priority";

export type QueuePlace = z.infer<typeof queuePeekView>["jobs"][number];

/** One waiting job: its place, why it waits, its priority and a way out. */
export function QueueRow({ place: { position, waiting_reason, job } }: { place: QueuePlace }) {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const renew = () => {
    void cache.invalidateQueries(trpc.queue.pathFilter());
    void cache.invalidateQueries(trpc.jobs.list.pathFilter());
  };
  const raise = useMutation(
    trpc.jobs.setPriority.mutationOptions({
      onSettled: renew,
      onSuccess: (_job, { priority }) =>
        showNotice({
          tone: "good",
          text: `Priority set to ${PRIORITY_LABEL[priority as Priority].toLowerCase()}.`,
          undo: () => raise.mutate({ id: job.job_id, priority: job.priority }),
        }),
    }),
  );
  const cancel = useMutation(trpc.jobs.cancel.mutationOptions({ onSettled: renew }));
  const shown = raise.isPending ? (raise.variables.priority as Priority) : job.priority;
  return (
    <li
      className={`grid grid-cols-[1.5rem_minmax(0,1fr)] items-center gap-x-2 gap-y-2 border-b hairline py-2 md:grid-cols-[1.5rem_minmax(0,1fr)_auto] ${cancel.isPending ? "opacity-50" : ""}`}
    >
      <span className="text-faint tabular-nums">{position}</span>
      <div className="min-w-0">
        <Link href={`/jobs/${job.job_id}`} className="block truncate font-medium hover:underline">
          {job.title}
        </Link>
        <p className="flex flex-wrap items-center gap-x-2 text-xs text-muted">
          {job.status !== "pending" && <StateBadge state={job.status} />}
          {job.candidate !== null && <span>candidate {job.candidate}</span>}
          <span>{waiting_reason ?? "waits for a free worker"}</span>
          {job.queued_at && (
            <span className="text-faint">
              for <Elapsed since={job.queued_at} until={null} />
            </span>
          )}
        </p>
      </div>
      <div className="col-start-2 flex items-center gap-2 md:col-start-3">
        <select
          aria-label={`Priority of ${job.title}`}
          value={shown}
          disabled={raise.isPending}
          onChange={(event) => raise.mutate({ id: job.job_id, priority: event.target.value as Priority })}
          className="h-9 rounded-md border border-edge/60 bg-raised pr-7 pl-2.5"
        >
          {PRIORITY_ORDER.map((priority) => (
            <option key={priority} value={priority}>
              {PRIORITY_LABEL[priority]}
            </option>
          ))}
        </select>
        <ConfirmButton
          label="Cancel"
          icon="close"
          title={`Cancel “${job.title}”?`}
          action="Cancel the job"
          disabled={cancel.isPending}
          onConfirm={() => cancel.mutate({ id: job.job_id })}
        >
          It leaves the queue. It can be retried later.
        </ConfirmButton>
      </div>
    </li>
  );
}
