"use client";
// Adds a repository as a project. Its address is enough; the rest is detected, or said later.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter } from "next/navigation";
import { type FormEvent, useState } from "react";
import { readFault } from "@/components/api/fault";
import { useTRPC } from "@/components/api/trpc";
import { useMe } from "@/components/api/use-me";
import { Button, ButtonLink } from "@/components/ui/button";
import { TextField } from "@/components/ui/fields";
import { PageHead } from "@/components/ui/page-head";
import { Empty } from "@/components/ui/states";
import { focusFirst } from "./focus-field";
import { FormSection } from "./form-section";
import {
  EMPTY_PROJECT,
  faultsBeside,
  type ProjectDraft,
  type ProjectFaults,
  readNewProject,
  suggestName,
} from "./project-draft";
import { CommandFields, LimitFields, Line, ModelFields, PlaceFields } from "./project-fields";
import { SaveBar } from "./save-bar";
import { faultsOfRefusal } from "./server-faults";
import { TokenField } from "./token-field";

export function NewProjectForm() {
  const me = useMe();
  const [draft, setDraft] = useState(EMPTY_PROJECT);
  const [faults, setFaults] = useState<ProjectFaults>({});
  const create = useCreate(setFaults);
  if (me && me.role !== "admin") return <AdminsOnly />;
  const change = (part: Partial<ProjectDraft>) => {
    setDraft((before) => ({ ...before, ...part }));
    setFaults((before) => faultsBeside(before, part));
  };
  const changeAddress = (repository_url: string) => {
    const isOurs = draft.name === suggestName(draft.repository_url);
    change({ repository_url, ...(isOurs && { name: suggestName(repository_url) }) });
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    const read = readNewProject(draft);
    if ("input" in read) return create.mutate(read.input);
    setFaults(read.faults);
    focusFirst(Object.keys(read.faults));
  };
  const all = { draft, faults, onChange: change };
  const sent = create.isPending || create.isSuccess;
  return (
    <form onSubmit={onSubmit} noValidate className="max-w-3xl">
      <PageHead
        title="Add project"
        note="The address is enough for a public repository. Commands and limits have defaults."
      />
      <FormSection title="Repository">
        <div className="flex flex-col gap-5">
          <TextField
            label="Repository URL"
            name="repository_url"
            inputMode="url"
            autoFocus
            autoComplete="off"
            autoCapitalize="none"
            spellCheck={false}
            placeholder="https://git.example.org/shop/cart.git"
            help="As for git clone over https. It cannot be changed later."
            value={draft.repository_url}
            fault={faults.repository_url}
            onChange={(event) => changeAddress(event.target.value)}
          />
          <Line {...all} field="name" label="Name" help="How jobs and programs call it: a-z, 0-9, . _ -" />
          <PlaceFields {...all} />
          <div className="grid gap-5 sm:grid-cols-2">
            <Line
              {...all}
              field="username"
              label="User name"
              help="Only if the repository asks for one beside the token."
            />
            <TokenField {...all} stored={false} />
          </div>
        </div>
      </FormSection>
      <FormSection title="Commands" note="Left empty, they are detected when the repository is looked at.">
        <CommandFields {...all} />
      </FormSection>
      <FormSection title="Limits">
        <LimitFields {...all} />
      </FormSection>
      <ModelFields {...all} />
      <SaveBar hasFaults={Object.keys(faults).length > 0}>
        <Button type="submit" kind="primary" disabled={sent}>
          {sent ? "Adding …" : "Add project"}
        </Button>
        <ButtonLink href="/projects" kind="quiet">
          Cancel
        </ButtonLink>
      </SaveBar>
    </form>
  );
}

/** Creating it, and showing a refusal where it belongs. */
function useCreate(onFaults: (faults: ProjectFaults) => void) {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const router = useRouter();
  return useMutation(
    trpc.projects.create.mutationOptions({
      onSuccess: (project) => {
        cache.setQueryData(trpc.projects.get.queryKey({ name: project.name }), project);
        void cache.invalidateQueries(trpc.projects.list.pathFilter());
        router.push(`/projects/${project.name}?look=1`);
      },
      onError: (error, { name }) => {
        const faults = faultsOfCreation(error, name);
        onFaults(faults);
        focusFirst(Object.keys(faults));
      },
    }),
  );
}

/** Beside fields named by the schema, only a taken name and an address that may not be used are refused. */
function faultsOfCreation(error: unknown, name: string): ProjectFaults {
  const { httpStatus, text } = readFault(error);
  const named = faultsOfRefusal(text);
  if (Object.keys(named).length > 0) return named;
  if (httpStatus === 409 && text.includes(name)) return { name: text };
  if (httpStatus === 400 || httpStatus === 422) return { repository_url: text };
  return {};
}

function AdminsOnly() {
  return (
    <Empty icon="branch" title="Admins add projects" text="Ask an admin of the team to add the repository.">
      <ButtonLink href="/projects">Show the projects</ButtonLink>
    </Empty>
  );
}
