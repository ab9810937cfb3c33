"use client";
// One project: what was found in its repository, its jobs, and what is set for them.
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import { readFault } from "@/components/api/fault";
import { useTRPC } from "@/components/api/trpc";
import { useMe } from "@/components/api/use-me";
import { ButtonLink } from "@/components/ui/button";
import { CopyText } from "@/components/ui/copy-text";
import { BoneRows, Empty, ErrorNote } from "@/components/ui/states";
import type { ProjectView } from "@/server/domain/project";
import { ArchiveProject } from "./archive-project";
import { focusFirst } from "./focus-field";
import { draftOf, type ProjectDraft } from "./project-draft";
import { ProjectJobs } from "./project-jobs";
import { ProjectLook } from "./project-look";
import { ProjectSettings } from "./project-settings";

export function ProjectPage({ name }: { name: string }) {
  const trpc = useTRPC();
  const project = useQuery(trpc.projects.get.queryOptions({ name }));
  if (project.isPending) return <BoneRows rows={8} label="The project is being fetched" />;
  if (project.isError) {
    if (readFault(project.error).httpStatus === 404) return <NoSuchProject name={name} />;
    return <ErrorNote error={project.error} onRetry={() => project.refetch()} />;
  }
  return <OneProject project={project.data} />;
}

function OneProject({ project }: { project: ProjectView }) {
  const me = useMe();
  const [typed, setTyped] = useState<Partial<ProjectDraft>>({});
  const isAdmin = me?.role === "admin";
  const draft = { ...draftOf(project), ...typed };
  return (
    <>
      <ProjectHead project={project} mayFile={me !== undefined && me.role !== "viewer"} />
      <div className="grid items-start gap-x-10 xl:grid-cols-[minmax(0,1fr)_24rem]">
        <div className="xl:sticky xl:top-6 xl:order-2">
          <ProjectLook
            project={project}
            draft={draft}
            mayLook={me !== undefined && me.role !== "viewer"}
            onUse={
              isAdmin
                ? (field, command) => {
                    setTyped((before) => ({ ...before, [field]: command }));
                    focusFirst([field]);
                  }
                : null
            }
          />
        </div>
        <div className="min-w-0 max-w-3xl">
          <ProjectJobs project={project} />
          <ProjectSettings
            project={project}
            draft={draft}
            isAdmin={isAdmin}
            onChange={(part) => setTyped((before) => ({ ...before, ...part }))}
            onDone={() => setTyped({})}
          />
          {isAdmin && <ArchiveProject project={project} />}
        </div>
      </div>
    </>
  );
}

function ProjectHead({ project, mayFile }: { project: ProjectView; mayFile: boolean }) {
  return (
    <header className="pb-6">
      <p className="text-xs text-faint">
        <Link href="/projects" className="hover:text-ink hover:underline">
          Projects
        </Link>
      </p>
      <div className="mt-1 flex flex-wrap items-start justify-between gap-x-6 gap-y-3">
        <div className="min-w-0">
          <h1 className="text-xl font-semibold tracking-tight wrap-anywhere">{project.name}</h1>
          <p className="mt-0.5 text-muted">
            <CopyText text={project.repository_url} />
          </p>
        </div>
        {mayFile && (
          <ButtonLink
            href={`/jobs/new?project=${encodeURIComponent(project.name)}`}
            kind="primary"
            icon="plus"
          >
            New change job
          </ButtonLink>
        )}
      </div>
    </header>
  );
}

function NoSuchProject({ name }: { name: string }) {
  return (
    <Empty
      icon="branch"
      title={`There is no project ${name}`}
      text="It may have been archived, or belong to another team."
    >
      <ButtonLink href="/projects">Show all projects</ButtonLink>
    </Empty>
  );
}
