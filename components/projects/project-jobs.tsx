"use client";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/api/trpc";
import { JobRow } from "@/components/jobs/job-row";
import { ButtonLink } from "@/components/ui/button";
import { BoneRows, ErrorNote } from "@/components/ui/states";
import type { ProjectView } from "@/server/domain/project";
import { FormSection } from "./form-section";

const SHOWN = 10;

/** The newest jobs that were filed for a project. */
export function ProjectJobs({ project }: { project: ProjectView }) {
  const trpc = useTRPC();
  const newest = useQuery(trpc.jobs.list.queryOptions({ project: project.name, limit: SHOWN }));
  const jobs = newest.data?.jobs;
  return (
    <FormSection
      title="Jobs"
      action={
        <ButtonLink href="/jobs" kind="quiet">
          All jobs
        </ButtonLink>
      }
    >
      {newest.isPending && <BoneRows rows={2} label="Jobs are being fetched" />}
      {newest.isError && <ErrorNote error={newest.error} onRetry={() => newest.refetch()} />}
      {jobs?.length === 0 && <p className="text-muted">No job was filed for this project yet.</p>}
      {jobs && jobs.length > 0 && (
        <ul aria-label="Jobs of the project" className="-mt-4">
          {jobs.map((job) => (
            <JobRow key={job.job_id} job={job} inProject />
          ))}
        </ul>
      )}
    </FormSection>
  );
}
