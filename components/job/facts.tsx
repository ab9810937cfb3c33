import Link from "next/link";
import type { ReactNode } from "react";

/** A row of named values that wraps. */
export function Facts({ children }: { children: ReactNode }) {
  return <dl className="mt-3 flex flex-wrap gap-x-8 gap-y-3">{children}</dl>;
}

export function Fact({ label, detail, children }: { label: string; detail?: string; children: ReactNode }) {
  return (
    <div>
      <dt className="text-xs text-faint">{label}</dt>
      <dd className="tabular-nums">
        {children}
        {detail && <span className="ml-1.5 text-xs text-faint">{detail}</span>}
      </dd>
    </div>
  );
}

/** Digits of a commit that name it in any repository. */
const COMMIT_SHOWN = 10;

/** The part of a job's view that says where it works. */
interface Base {
  project: string | null;
  base_branch: string | null;
  base_commit: string | null;
  behaviour_unchanged: boolean;
}

/** The repository that a job changes, and the commit that it stands on; nothing for a new project. */
export function ProjectFacts({ job }: { job: Base }) {
  if (job.project === null) return null;
  return (
    <>
      <Fact label="Project" detail={job.behaviour_unchanged ? "behaviour unchanged" : undefined}>
        <Link href={`/projects/${job.project}`} className="normal-nums wrap-anywhere hover:underline">
          {job.project}
        </Link>
      </Fact>
      {(job.base_branch || job.base_commit) && (
        <Fact label="Base">
          <span className="wrap-anywhere">{job.base_branch}</span>
          {job.base_commit && (
            <code className="ml-1.5 font-mono text-xs text-muted" title={job.base_commit}>
              {job.base_commit.slice(0, COMMIT_SHOWN)}
            </code>
          )}
        </Fact>
      )}
    </>
  );
}
