"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { useTRPC } from "@/components/api/trpc";
import { ConfirmButton } from "@/components/ui/confirm";
import { formatCount } from "@/components/ui/format";
import { showNotice } from "@/components/ui/notices";
import type { ProjectView } from "@/server/domain/project";
import { FormSection } from "./form-section";

/** Puts the project away; refused while jobs are open, which is said before it is tried. */
export function ArchiveProject({ project }: { project: ProjectView }) {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const router = useRouter();
  const archive = useMutation(
    trpc.projects.archive.mutationOptions({
      onSuccess: () => {
        void cache.invalidateQueries(trpc.projects.list.pathFilter());
        showNotice({ tone: "good", text: `Project ${project.name} was archived.` });
        router.push("/projects");
      },
      onError: () => cache.invalidateQueries(trpc.projects.pathFilter()),
    }),
  );
  const isBusy = project.open_jobs > 0;
  return (
    <div className="mt-4">
      <FormSection title="Archive">
        <div className="flex flex-wrap items-center justify-between gap-x-6 gap-y-3">
          <p className="max-w-[60ch] text-muted">
            {isBusy
              ? `${formatCount(project.open_jobs, "job")} of it ${project.open_jobs === 1 ? "is" : "are"} open. What is open has to settle or be cancelled before the project is archived.`
              : "Takes the project off the lists and forgets its token. Its jobs stay as they are."}
          </p>
          <ConfirmButton
            label={archive.isPending ? "Archiving …" : "Archive"}
            icon="close"
            title={`Archive ${project.name}?`}
            action="Archive the project"
            disabled={isBusy || archive.isPending || archive.isSuccess}
            onConfirm={() => archive.mutate({ name: project.name })}
          >
            No job can be filed for it any more, and its token is forgotten. The repository itself and the
            jobs that worked on it are not touched. The name is free again.
          </ConfirmButton>
        </div>
      </FormSection>
    </div>
  );
}
