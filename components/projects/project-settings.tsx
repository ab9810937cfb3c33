"use client";
// What is set for a project. Only what was typed is sent, so nobody's change of another field is undone by it.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { type FormEvent, useState } from "react";
import { readFault } from "@/components/api/fault";
import { useTRPC } from "@/components/api/trpc";
import { Button } from "@/components/ui/button";
import { showNotice } from "@/components/ui/notices";
import type { ProjectView } from "@/server/domain/project";
import { focusFirst } from "./focus-field";
import { FormSection } from "./form-section";
import { faultsBeside, type ProjectDraft, type ProjectFaults, readProjectChanges } from "./project-draft";
import { CommandFields, LimitFields, Line, ModelFields, PlaceFields } from "./project-fields";
import { SaveBar } from "./save-bar";
import { faultsOfRefusal } from "./server-faults";
import { TokenField } from "./token-field";

interface Props {
  project: ProjectView;
  draft: ProjectDraft;
  isAdmin: boolean;
  onChange: (part: Partial<ProjectDraft>) => void;
  /** What was typed is saved or dropped. */
  onDone: () => void;
}

export function ProjectSettings({ project, draft, isAdmin, onChange, onDone }: Props) {
  const [faults, setFaults] = useState<ProjectFaults>({});
  const showFaults = (next: ProjectFaults) => {
    setFaults(next);
    focusFirst(Object.keys(next));
  };
  const save = useSave(showFaults, onDone);
  const read = readProjectChanges(project, draft);
  const isChanged = "faults" in read || Object.keys(read.input).length > 1;
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    if ("faults" in read) return showFaults(read.faults);
    if (isChanged) save.mutate(read.input);
  };
  const all = {
    draft,
    faults,
    onChange: (part: Partial<ProjectDraft>) => {
      onChange(part);
      setFaults((before) => faultsBeside(before, part));
    },
  };
  const { detected } = project;
  return (
    <form onSubmit={onSubmit} noValidate aria-label="Settings of the project">
      <fieldset disabled={!isAdmin} className="min-w-0">
        <FormSection title="Repository" note={!isAdmin && "Admins of the team change these settings."}>
          <div className="flex flex-col gap-5">
            <PlaceFields {...all} detected={detected} />
            <div className="grid gap-5 sm:grid-cols-2">
              <Line
                {...all}
                field="username"
                label="User name"
                help="Beside the token, if one is asked for."
              />
              <TokenField {...all} stored={project.has_token} />
            </div>
          </div>
        </FormSection>
        <FormSection title="Commands" note="Run in the sandbox, in the project's folder.">
          <CommandFields {...all} detected={detected} />
        </FormSection>
        <FormSection title="Limits">
          <LimitFields {...all} />
        </FormSection>
        <ModelFields {...all} />
      </fieldset>
      {isAdmin && (
        <SaveBar hasFaults={Object.keys(faults).length > 0} hidden={!isChanged}>
          <Button type="submit" kind="primary" disabled={save.isPending}>
            {save.isPending ? "Saving …" : "Save"}
          </Button>
          <Button
            kind="quiet"
            onClick={() => {
              setFaults({});
              onDone();
            }}
          >
            Drop the changes
          </Button>
        </SaveBar>
      )}
    </form>
  );
}

function useSave(onFaults: (faults: ProjectFaults) => void, onDone: () => void) {
  const trpc = useTRPC();
  const cache = useQueryClient();
  return useMutation(
    trpc.projects.update.mutationOptions({
      onSuccess: (project) => {
        cache.setQueryData(trpc.projects.get.queryKey({ name: project.name }), project);
        void cache.invalidateQueries(trpc.projects.list.pathFilter());
        onDone();
        showNotice({ tone: "good", text: "Saved." });
      },
      onError: (error) => onFaults(faultsOfRefusal(readFault(error).text)),
    }),
  );
}
