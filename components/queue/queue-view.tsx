"use client";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/api/trpc";
import { ButtonLink } from "@/components/ui/button";
import { PageHead } from "@/components/ui/page-head";
import { BoneRows, Empty, ErrorNote } from "@/components/ui/states";
import { FilesHeld } from "./files-held";
import { QueueFigures } from "./queue-figures";
import { QueueLanes } from "./queue-lanes";
import { QueueRow } from "./queue-row";

const SHOWN = 200;

/** What waits, in the order in which workers will take it. */
export function QueueView() {
  const trpc = useTRPC();
  const queue = useQuery(trpc.queue.peek.queryOptions({ limit: SHOWN }));
  return (
    <>
      <PageHead
        title="Queue"
        note="In the order in which workers take the jobs. Waiting raises a job's priority slowly."
      >
        <ButtonLink href="/jobs/new" kind="primary" icon="plus" className="lg:hidden">
          New job
        </ButtonLink>
      </PageHead>
      <QueueFigures />
      <QueueLanes />
      {queue.isPending && <BoneRows rows={6} label="The queue is being fetched" />}
      {queue.isError && <ErrorNote error={queue.error} onRetry={() => queue.refetch()} />}
      {queue.data?.jobs.length === 0 && (
        <Empty icon="queue" title="Nothing waits" text="Every job has been taken by a worker.">
          <ButtonLink href="/jobs">Show all jobs</ButtonLink>
        </Empty>
      )}
      {queue.data && queue.data.jobs.length > 0 && (
        <ol aria-label="Queue">
          {queue.data.jobs.map((place) => (
            <QueueRow key={place.job.job_id} place={place} />
          ))}
        </ol>
      )}
      <FilesHeld />
    </>
  );
}
