"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { useTRPC } from "@/components/api/trpc";
import { useMe } from "@/components/api/use-me";
import { Button } from "@/components/ui/button";
import { ConfirmButton } from "@/components/ui/confirm";
import { formatDuration } from "@/components/ui/format";
import { Ago } from "@/components/ui/time";
import type { WorkerView } from "@/server/domain/outputs";
import { WorkerBadge } from "./worker-state";

/** One slot: what it does, how it did so far, when it was last heard, and how to stop it. */
export function WorkerRow({ worker }: { worker: WorkerView }) {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const me = useMe();
  const onSettled = () => cache.invalidateQueries(trpc.workers.pathFilter());
  const drain = useMutation(trpc.workers.drain.mutationOptions({ onSettled }));
  const resume = useMutation(trpc.workers.resume.mutationOptions({ onSettled }));
  const kill = useMutation(trpc.workers.kill.mutationOptions({ onSettled }));
  const id = worker.worker_id;
  const gone = worker.status === "dead";
  return (
    <li className="grid grid-cols-2 items-center gap-x-4 gap-y-1 border-b hairline py-2.5 lg:grid-cols-[8rem_6.5rem_minmax(0,1fr)_11rem_7rem_9.5rem]">
      <span className="font-mono text-xs">{id}</span>
      <span className="justify-self-end lg:justify-self-start">
        <WorkerBadge state={drain.isPending ? "draining" : worker.status} />
      </span>
      <span className="col-span-2 min-w-0 truncate lg:col-span-1">
        {worker.trouble && (
          <span className="block text-xs text-bad whitespace-normal" role="status">
            {worker.trouble}
          </span>
        )}
        {worker.current_job_id ? (
          <Link href={`/jobs/${worker.current_job_id}`} className="font-mono text-xs hover:underline">
            {worker.current_job_id}
          </Link>
        ) : (
          <span className="text-faint">no job</span>
        )}
      </span>
      <span className="text-xs text-muted tabular-nums">
        {worker.jobs_completed} completed · {worker.jobs_failed} failed
        {worker.avg_job_duration !== null && (
          <span className="block text-faint">on average {formatDuration(worker.avg_job_duration)}</span>
        )}
      </span>
      <span className="justify-self-end text-xs text-faint lg:justify-self-start" title="Last heartbeat">
        heard <Ago at={worker.heartbeat_at} />
      </span>
      <span className="col-span-2 flex gap-2 lg:col-span-1 lg:justify-end">
        {me?.role === "admin" && !gone && (
          <>
            {worker.status === "draining" ? (
              <Button disabled={resume.isPending} onClick={() => resume.mutate({ id })}>
                Resume
              </Button>
            ) : (
              <Button disabled={drain.isPending} onClick={() => drain.mutate({ id })}>
                Drain
              </Button>
            )}
            <ConfirmButton
              label="Kill"
              icon="close"
              title={`Kill ${id}?`}
              action="Kill the worker"
              disabled={kill.isPending}
              onConfirm={() => kill.mutate({ id })}
            >
              It drops its job at once. The job goes back to the head of the queue and another worker goes on
              with it.
            </ConfirmButton>
          </>
        )}
      </span>
    </li>
  );
}
