"use client";
import { readFault } from "@/components/api/fault";
import { ButtonLink } from "@/components/ui/button";
import { Bone, BoneRows, Empty, ErrorNote } from "@/components/ui/states";
import { JobHeader } from "./job-header";
import { JobTabs } from "./job-tabs";
import { JobTimeline } from "./job-timeline";
import { useJob } from "./use-job";

/** One job: its state above, the way so far on the left, everything that it made on the right. */
export function JobPage({ id }: { id: string }) {
  const { detail, log, job } = useJob(id);
  if (detail.isError && !detail.data) {
    if (readFault(detail.error).httpStatus !== 404)
      return <ErrorNote error={detail.error} onRetry={() => detail.refetch()} />;
    return (
      <Empty
        icon="search"
        title="There is no such job"
        text={`${id} does not exist, or belongs to another team.`}
      >
        <ButtonLink href="/jobs">Show all jobs</ButtonLink>
      </Empty>
    );
  }
  if (!detail.data || !job) return <JobBones />;
  return (
    <>
      <JobHeader job={job} deliveries={detail.data.deliveries} />
      <div className="mt-5 grid gap-x-8 lg:grid-cols-[15rem_minmax(0,1fr)] xl:grid-cols-[17rem_minmax(0,1fr)]">
        <aside aria-label="Timeline" className="hidden lg:block">
          <JobTimeline log={log} job={job} />
        </aside>
        <JobTabs job={job} detail={detail.data} log={log} />
      </div>
    </>
  );
}

function JobBones() {
  return (
    <>
      <div className="h-36 border-b hairline pt-2">
        <Bone className="h-5 w-2/5" />
        <Bone className="mt-4 w-64" />
      </div>
      <BoneRows rows={8} label="The job is being fetched" />
    </>
  );
}
