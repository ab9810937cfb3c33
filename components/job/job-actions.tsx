"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useSearchParams } from "next/navigation";
import { useTRPC } from "@/components/api/trpc";
import { Button, ButtonLink } from "@/components/ui/button";
import { ConfirmButton } from "@/components/ui/confirm";
import { offersOf } from "@/components/ui/job-state";
import { showNotice } from "@/components/ui/notices";
import type { JobView } from "@/server/domain/outputs";

/** The moves that a person may make now. */
export function JobActions({ job }: { job: JobView }) {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const id = job.job_id;
  const renew = () => {
    void cache.invalidateQueries(trpc.jobs.pathFilter());
    void cache.invalidateQueries(trpc.queue.pathFilter());
  };
  const resume = useMutation(trpc.jobs.resume.mutationOptions({ onSettled: renew }));
  const pause = useMutation(
    trpc.jobs.pause.mutationOptions({
      onSettled: renew,
      onSuccess: () => showNotice({ tone: "good", text: "Paused.", undo: () => resume.mutate({ id }) }),
    }),
  );
  const retry = useMutation(trpc.jobs.retry.mutationOptions({ onSettled: renew }));
  const stop = useMutation(trpc.jobs.cancel.mutationOptions({ onSettled: renew }));
  const extend = useMutation(trpc.jobs.setBudget.mutationOptions({ onSettled: renew }));
  // At the cap a resume alone would pause again at once; a part of another job has no cap of its own.
  const capped = job.status === "paused" && job.waiting_code === "budget" && job.parent === null;
  const tab = useSearchParams().get("tab");
  const unread = job.status === "paused" && job.waiting_code === "plan";
  const twice = Math.round(job.budget_usd * 2 * 100) / 100 || job.budget_usd * 2;
  const busy = extend.isPending || resume.isPending || pause.isPending || retry.isPending || stop.isPending;
  // Whoever waits for candidates rests already: it is they who are stopped, and who go on with it.
  const waits = job.status === "paused" && job.waiting_code === "children";
  const offers = waits
    ? { stop: true, pause: true, resume: false, retry: false }
    : job.candidate !== null
      ? { ...offersOf(job.status), pause: false, resume: false, retry: false }
      : offersOf(job.status);
  return (
    <div className="flex flex-wrap gap-2">
      {offers.pause && (
        <Button icon="pause" disabled={busy} onClick={() => pause.mutate({ id })}>
          {pause.isPending ? "Pausing …" : "Pause"}
        </Button>
      )}
      {capped && (
        <Button
          icon="play"
          kind="primary"
          disabled={busy}
          onClick={() => extend.mutate({ id, budget_usd: twice, resume: true })}
        >
          {extend.isPending ? "Extending …" : `Extend to $${twice} and go on`}
        </Button>
      )}
      {unread && tab !== "plan" && (
        <ButtonLink icon="file" kind="primary" href={`/jobs/${id}?tab=plan`}>
          Read the plan
        </ButtonLink>
      )}
      {offers.resume && !capped && !unread && (
        <Button icon="play" kind="primary" disabled={busy} onClick={() => resume.mutate({ id })}>
          {resume.isPending ? "Resuming …" : "Resume"}
        </Button>
      )}
      {offers.retry && (
        <Button icon="again" kind="primary" disabled={busy} onClick={() => retry.mutate({ id })}>
          {retry.isPending ? "Starting again …" : "Retry"}
        </Button>
      )}
      {offers.stop && (
        <ConfirmButton
          label={stop.isPending ? "Stopping …" : "Stop"}
          icon="stop"
          title="Stop this job?"
          action="Stop the job"
          disabled={busy}
          onConfirm={() => stop.mutate({ id })}
        >
          Its sandbox ends within seconds. What was committed stays, and the job can be retried.
        </ConfirmButton>
      )}
    </div>
  );
}
