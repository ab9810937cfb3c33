"use client";
// What needs a person comes first, then what runs now, then what came out lately.
import { useQuery } from "@tanstack/react-query";
import type { ReactNode } from "react";
import { useTRPC } from "@/components/api/trpc";
import { JobRow } from "@/components/jobs/job-row";
import { QueueFigures } from "@/components/queue/queue-figures";
import { ButtonLink } from "@/components/ui/button";
import { isMoving } from "@/components/ui/job-state";
import { PageHead } from "@/components/ui/page-head";
import { BoneRows, Empty, ErrorNote } from "@/components/ui/states";
import { isSettled, type JobState } from "@/server/domain/job-state";
import type { JobView } from "@/server/domain/outputs";
import { RunningCard } from "./running-card";

const RECENT = 50;
const SETTLED_SHOWN = 8;
const NEEDS_PERSON: readonly JobState[] = ["escalated", "paused"];

export function OverviewView() {
  const trpc = useTRPC();
  const recent = useQuery(trpc.jobs.list.queryOptions({ limit: RECENT }));
  const escalated = useQuery(trpc.jobs.list.queryOptions({ limit: 20, state: "escalated" }));
  const paused = useQuery(trpc.jobs.list.queryOptions({ limit: 20, state: "paused" }));
  // A job that waits for its candidates goes on by itself.
  const resting = (paused.data?.jobs ?? []).filter((job) => job.waiting_code !== "children");
  const needs = [...(escalated.data?.jobs ?? []), ...resting];
  return (
    <>
      <PageHead title="Overview">
        <ButtonLink href="/jobs/new" kind="primary" icon="plus" className="lg:hidden">
          New job
        </ButtonLink>
      </PageHead>
      <QueueFigures />
      {recent.isPending && <BoneRows rows={8} label="Jobs are being fetched" />}
      {recent.isError && <ErrorNote error={recent.error} onRetry={() => recent.refetch()} />}
      {recent.data && <Sections needs={needs} jobs={recent.data.jobs} />}
    </>
  );
}

function Sections({ needs, jobs }: { needs: JobView[]; jobs: JobView[] }) {
  if (jobs.length === 0) {
    return (
      <Empty
        icon="spark"
        title="Ready for the first job"
        text="Describe what should be built. Fabrica plans it, writes it, tests it in a sandbox and delivers it; you watch every step."
      >
        <ButtonLink href="/jobs/new" kind="primary" icon="plus">
          File the first job
        </ButtonLink>
      </Empty>
    );
  }
  const running = jobs.filter((job) => isMoving(job.status) || job.waiting_code === "children");
  const waiting = jobs.filter((job) => job.status === "pending");
  const settled = jobs.filter((job) => isSettled(job.status) && !NEEDS_PERSON.includes(job.status));
  return (
    <>
      {needs.length > 0 && <Rows title="Needs you" jobs={needs} />}
      <Section title="Running">
        {running.length > 0 ? (
          <div className="grid grid-cols-1 gap-3 pt-3 md:grid-cols-2 2xl:grid-cols-3">
            {running.map((job) => (
              <RunningCard key={job.job_id} job={job} />
            ))}
          </div>
        ) : (
          <p className="py-3 text-muted">Nothing runs at the moment.</p>
        )}
      </Section>
      {waiting.length > 0 && <Rows title="Waiting" jobs={waiting} />}
      {settled.length > 0 && <Rows title="Lately" jobs={settled.slice(0, SETTLED_SHOWN)} />}
    </>
  );
}

function Rows({ title, jobs }: { title: string; jobs: JobView[] }) {
  return (
    <Section title={title}>
      <ul>
        {jobs.map((job) => (
          <JobRow key={job.job_id} job={job} />
        ))}
      </ul>
    </Section>
  );
}

function Section({ title, children }: { title: string; children: ReactNode }) {
  return (
    <section className="mb-8">
      <h2 className="border-b hairline pb-2 font-semibold">{title}</h2>
      {children}
    </section>
  );
}
