"use client";
// Where a job works: in a new project, or in a repository that exists already.
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useId } from "react";
import { useTRPC } from "@/components/api/trpc";
import { SelectField, TextField } from "@/components/ui/fields";
import type { ProjectView } from "@/server/domain/project";
import type { DraftFaults, JobDraft } from "./new-job-draft";

interface Props {
  draft: JobDraft;
  faults: DraftFaults;
  onChange: (part: Partial<JobDraft>) => void;
}

/** The project that a draft names, once the list is known. */
export function useChosenProject(name: string): ProjectView | undefined {
  return useProjects().data?.projects.find((project) => project.name === name);
}

function useProjects() {
  const trpc = useTRPC();
  return useQuery(trpc.projects.list.queryOptions({}));
}

export function NewJobPlace({ draft, faults, onChange }: Props) {
  const projects = useProjects();
  const names = (projects.data?.projects ?? []).map((project) => project.name);
  const chosen = useChosenProject(draft.project);
  const isGone = draft.project !== "" && projects.isSuccess && !chosen;
  const fault = faults.project ?? (isGone ? `There is no project ${draft.project}.` : undefined);
  return (
    <div className="grid gap-5 sm:grid-cols-2">
      <SelectField
        label="Where"
        name="project"
        value={draft.project}
        fault={fault}
        aria-invalid={fault ? true : undefined}
        help={<PlaceHelp chosen={chosen} hasProjects={names.length > 0} />}
        onChange={(event) => onChange({ project: event.target.value })}
      >
        <option value="">New project</option>
        {draft.project !== "" && !chosen && <option value={draft.project}>{draft.project}</option>}
        {names.map((name) => (
          <option key={name} value={name}>
            {name}
          </option>
        ))}
      </SelectField>
      {draft.project !== "" && (
        <TextField
          label="Base branch"
          name="base_branch"
          autoComplete="off"
          autoCapitalize="none"
          spellCheck={false}
          placeholder={chosen?.default_branch ?? chosen?.detected?.branch ?? "The project's branch"}
          help="The job starts from its newest commit."
          value={draft.baseBranch}
          fault={faults.baseBranch}
          onChange={(event) => onChange({ baseBranch: event.target.value })}
        />
      )}
    </div>
  );
}

function PlaceHelp({ chosen, hasProjects }: { chosen: ProjectView | undefined; hasProjects: boolean }) {
  if (!chosen && hasProjects) return "Or choose a repository that exists already.";
  if (!chosen) {
    return (
      <>
        To change code that exists,{" "}
        <Link href="/projects" className="text-ink underline underline-offset-2">
          add its repository as a project
        </Link>
        .
      </>
    );
  }
  return (
    <>
      {chosen.detected ? chosen.detected.tech_stack.join(", ") : "Not looked at yet"} ·{" "}
      <Link href={`/projects/${chosen.name}`} className="text-ink underline underline-offset-2">
        See the project
      </Link>
    </>
  );
}

/** A change that no test could see is judged by the tests that are there already. */
export function UnchangedBox({ draft, faults, onChange }: Props) {
  const id = useId();
  return (
    <div className="flex items-start gap-2.5">
      <input
        type="checkbox"
        id={id}
        name="behaviour_unchanged"
        className="mt-0.5 size-4 shrink-0"
        aria-describedby={`${id}-help`}
        checked={draft.behaviourUnchanged}
        onChange={(event) => onChange({ behaviourUnchanged: event.target.checked })}
      />
      <div>
        <label htmlFor={id} className="font-medium">
          Behaviour is unchanged
        </label>
        <p id={`${id}-help`} className="mt-0.5 max-w-[72ch] text-xs text-faint">
          For moving, renaming and tidying. Otherwise the job must bring at least one test that fails on the
          code as it is now, and passes with the change.
        </p>
        {faults.behaviourUnchanged && <p className="text-xs text-bad">{faults.behaviourUnchanged}</p>}
      </div>
    </div>
  );
}
