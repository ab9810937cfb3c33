"use client";
// What a look at the repository found, and the button that looks again.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useSearchParams } from "next/navigation";
import { type ReactNode, useEffect, useRef } from "react";
import { useTRPC } from "@/components/api/trpc";
import { Button } from "@/components/ui/button";
import { CopyText } from "@/components/ui/copy-text";
import { cx } from "@/components/ui/cx";
import { formatCount } from "@/components/ui/format";
import { Icon } from "@/components/ui/icons";
import { ErrorNote } from "@/components/ui/states";
import { Ago } from "@/components/ui/time";
import type { DetectedProject, ProjectView } from "@/server/domain/project";
import { COMMANDS, type CommandName, meaningOfNone } from "./commands";
import { FormSection } from "./form-section";
import type { ProjectDraft } from "./project-draft";

/** Digits of a commit that name it in any repository. */
const COMMIT_SHOWN = 12;

interface FoundProps {
  draft: ProjectDraft;
  /** Takes a proposed command into the form; null when this person may not change it. */
  onUse: ((field: CommandName, command: string) => void) | null;
}

export function ProjectLook({
  project,
  mayLook,
  ...found
}: FoundProps & { project: ProjectView; mayLook: boolean }) {
  const look = useLook(project);
  const { detected } = project;
  return (
    <FormSection
      title="In the repository"
      action={
        mayLook && (
          <Button
            icon="magnifier"
            disabled={look.isPending}
            onClick={() => look.mutate({ name: project.name })}
          >
            {look.isPending ? "Looking …" : "Look now"}
          </Button>
        )
      }
    >
      {look.isError && !look.isPending && (
        <div className="mb-4">
          <ErrorNote error={look.error} />
        </div>
      )}
      <p role="status" className="sr-only">
        {look.isSuccess && "The repository was looked at."}
      </p>
      <div aria-busy={look.isPending} className={cx(look.isPending && "opacity-60")}>
        {detected ? (
          <Found detected={detected} seenAt={project.checked_at} {...found} />
        ) : (
          <NotSeen isPending={look.isPending} hasFailed={look.isError} />
        )}
      </div>
    </FormSection>
  );
}

function NotSeen({ isPending, hasFailed }: { isPending: boolean; hasFailed: boolean }) {
  if (isPending)
    return <p className="text-muted">The repository is being fetched. The first time may take a while.</p>;
  if (hasFailed) return null;
  return (
    <p className="text-muted">
      Nobody has looked yet. A look finds the default branch, the technologies and the commands that check and
      test the code.
    </p>
  );
}

/** Asks for a look; a project that was added just now is looked at without being asked. */
function useLook(project: ProjectView) {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const wanted = useSearchParams().has("look") && project.checked_at === null;
  const look = useMutation(
    trpc.projects.check.mutationOptions({
      onSuccess: (seen) => {
        cache.setQueryData(trpc.projects.get.queryKey({ name: seen.name }), seen);
        void cache.invalidateQueries(trpc.projects.list.pathFilter());
      },
    }),
  );
  const begun = useRef(false);
  useEffect(() => {
    if (!wanted || begun.current) return;
    begun.current = true;
    look.mutate({ name: project.name });
  }, [wanted, look, project.name]);
  return look;
}

function Found({
  detected,
  seenAt,
  draft,
  onUse,
}: FoundProps & { detected: DetectedProject; seenAt: string | null }) {
  return (
    <>
      <dl className="flex flex-col gap-2">
        {seenAt && (
          <Row label="Looked at">
            <Ago at={seenAt} />
          </Row>
        )}
        <Row label="Branch">{detected.branch}</Row>
        <Row label="Commit">
          <CopyText text={detected.commit.slice(0, COMMIT_SHOWN)} />
        </Row>
        <Row label="Files">{formatCount(detected.files, "file")}</Row>
        <Row label="Technology">
          {detected.tech_stack.join(", ") || <span className="text-warn">none that is known</span>}
        </Row>
        {detected.has_config && (
          <Row label="Settings">
            <code className="font-mono text-xs">fabrica.json</code> in the repository, which outranks what is
            set here
          </Row>
        )}
      </dl>
      <h3 className="mt-5 mb-2 text-xs text-faint">Proposed commands</h3>
      <ul className="flex flex-col gap-3">
        {COMMANDS.map(({ field, short }) => (
          <Proposal key={field} label={short} field={field} detected={detected} draft={draft} onUse={onUse} />
        ))}
      </ul>
      {detected.notes.length > 0 && (
        <ul aria-label="Notes" className="mt-5 flex flex-col gap-2">
          {detected.notes.map((note) => (
            <li key={note} className="flex items-start gap-2">
              <Icon name="warning" className="mt-0.5 text-warn" />
              <span className="min-w-0 wrap-anywhere">{note}</span>
            </li>
          ))}
        </ul>
      )}
    </>
  );
}

function Row({ label, children }: { label: string; children: ReactNode }) {
  return (
    <div className="grid grid-cols-[6.5rem_minmax(0,1fr)] gap-x-3">
      <dt className="text-muted">{label}</dt>
      <dd className="min-w-0 tabular-nums wrap-anywhere">{children}</dd>
    </div>
  );
}

function Proposal({
  label,
  field,
  detected,
  draft,
  onUse,
}: FoundProps & { label: string; field: CommandName; detected: DetectedProject }) {
  const command = detected[field];
  const set = draft[field].trim();
  return (
    <li>
      <p className="mb-1 flex min-h-8 items-center justify-between gap-2">
        <span className="font-medium">{label}</span>
        {command && onUse && set !== command && (
          <Button
            className="h-8 px-2 text-xs"
            aria-label={`Use this: ${command}`}
            onClick={() => onUse(field, command)}
          >
            Use this
          </Button>
        )}
        {command && set === command && <span className="text-xs text-good">set</span>}
        {command && !onUse && !set && <span className="text-xs text-faint">in use</span>}
      </p>
      {command ? (
        <pre className="rounded-md border hairline bg-sunken px-3 py-1.5 font-mono text-xs leading-5 whitespace-pre-wrap wrap-anywhere">
          {command}
        </pre>
      ) : (
        <p className="text-faint">{meaningOfNone(field, detected)}.</p>
      )}
    </li>
  );
}
