"use client";
// The existing repositories that jobs may change.
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/api/trpc";
import { useMe } from "@/components/api/use-me";
import { ButtonLink } from "@/components/ui/button";
import { PageHead } from "@/components/ui/page-head";
import { BoneRows, Empty, ErrorNote } from "@/components/ui/states";
import { ProjectRow } from "./project-row";

export function ProjectsView() {
  const trpc = useTRPC();
  const me = useMe();
  const projects = useQuery(trpc.projects.list.queryOptions({}));
  const isAdmin = me?.role === "admin";
  const found = projects.data?.projects;
  return (
    <>
      <PageHead title="Projects" note="Existing repositories, and what a job needs to know to change them.">
        {isAdmin && found && found.length > 0 && (
          <ButtonLink href="/projects/new" kind="primary" icon="plus">
            Add project
          </ButtonLink>
        )}
      </PageHead>
      {projects.isPending && <BoneRows rows={6} label="Projects are being fetched" />}
      {projects.isError && <ErrorNote error={projects.error} onRetry={() => projects.refetch()} />}
      {found?.length === 0 && <NoProjects mayAdd={isAdmin} />}
      {found && found.length > 0 && (
        <ul aria-label="Projects">
          {found.map((project) => (
            <ProjectRow key={project.name} project={project} />
          ))}
        </ul>
      )}
    </>
  );
}

function NoProjects({ mayAdd }: { mayAdd: boolean }) {
  return (
    <Empty
      icon="branch"
      title="No project yet"
      text={`A project is a repository that exists already. Jobs that are filed for it change its code on a branch of their own, run its own checks and tests, and deliver the branch.${
        mayAdd ? "" : " An admin of the team adds projects."
      }`}
    >
      {mayAdd && (
        <ButtonLink href="/projects/new" kind="primary" icon="plus">
          Add project
        </ButtonLink>
      )}
    </Empty>
  );
}
