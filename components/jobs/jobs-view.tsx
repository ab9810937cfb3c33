"use client";
// The list of jobs. Its filters live in the address, so that a view can be kept and sent.
import { keepPreviousData, useInfiniteQuery } from "@tanstack/react-query";
import { useSearchParams } from "next/navigation";
import { useTRPC, useTRPCClient } from "@/components/api/trpc";
import { Button, ButtonLink } from "@/components/ui/button";
import { PageHead } from "@/components/ui/page-head";
import { BoneRows, Empty, ErrorNote } from "@/components/ui/states";
import { JobFilters } from "./job-filters";
import { JobRow } from "./job-row";
import { readJobState } from "./read-job-state";

const PAGE = 50;

export function JobsView() {
  const params = useSearchParams();
  const state = readJobState(params.get("state")) ?? undefined;
  const search = params.get("q") || undefined;
  return (
    <>
      <PageHead title="Jobs">
        <ButtonLink href="/jobs/new" kind="primary" icon="plus" className="lg:hidden">
          New job
        </ButtonLink>
      </PageHead>
      <JobFilters state={state ?? null} search={search ?? ""} />
      <JobList state={state} search={search} />
    </>
  );
}

function JobList({
  state,
  search,
}: {
  state: ReturnType<typeof readJobState> | undefined;
  search: string | undefined;
}) {
  const trpc = useTRPC();
  const client = useTRPCClient();
  const filter = { state: state ?? undefined, search, limit: PAGE };
  // The ready-made options of the client send a field of their own, which the API refuses as unknown.
  const jobs = useInfiniteQuery({
    queryKey: trpc.jobs.list.infiniteQueryKey(filter),
    queryFn: ({ pageParam, signal }) => client.jobs.list.query({ ...filter, cursor: pageParam }, { signal }),
    initialPageParam: undefined as string | undefined,
    getNextPageParam: (page) => page.next_cursor ?? undefined,
    placeholderData: keepPreviousData,
  });
  if (jobs.isPending) return <BoneRows rows={10} label="Jobs are being fetched" />;
  if (jobs.isError) return <ErrorNote error={jobs.error} onRetry={() => jobs.refetch()} />;
  const rows = jobs.data.pages.flatMap((page) => page.jobs);
  if (rows.length === 0) return <NoJobs filtered={Boolean(state || search)} />;
  return (
    <>
      <ul
        aria-label="Jobs"
        aria-busy={jobs.isPlaceholderData}
        className={jobs.isPlaceholderData ? "opacity-60" : undefined}
      >
        {rows.map((job) => (
          <JobRow key={job.job_id} job={job} />
        ))}
      </ul>
      {jobs.hasNextPage && (
        <div className="flex justify-center py-4">
          <Button onClick={() => jobs.fetchNextPage()} disabled={jobs.isFetchingNextPage}>
            {jobs.isFetchingNextPage ? "Fetching …" : "Show older jobs"}
          </Button>
        </div>
      )}
    </>
  );
}

function NoJobs({ filtered }: { filtered: boolean }) {
  if (filtered) {
    return (
      <Empty icon="search" title="No job matches" text="No job has this state and these words.">
        <ButtonLink href="/jobs">Show all jobs</ButtonLink>
      </Empty>
    );
  }
  return (
    <Empty
      icon="jobs"
      title="No job yet"
      text="Describe what should be built. Fabrica plans it, writes it, tests it and delivers it."
    >
      <ButtonLink href="/jobs/new" kind="primary" icon="plus">
        File the first job
      </ButtonLink>
    </Empty>
  );
}
