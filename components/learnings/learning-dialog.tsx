"use client";
// Writing a learning down, or putting one right.
import { useMutation, useQuery } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useState } from "react";
import { readFault } from "@/components/api/fault";
import { useTRPC } from "@/components/api/trpc";
import { StackChips } from "@/components/jobs/stack-chips";
import { SelectField, TextArea, TextField } from "@/components/ui/fields";
import { showNotice } from "@/components/ui/notices";
import type { LearningView } from "@/server/domain/learning";
import { LEARNING_KINDS, TEXT_CHARS, TITLE_CHARS } from "@/server/domain/learning-kinds";
import { DialogButtons, DialogForm } from "./dialog-form";
import { faultsOf, type LearningDraft, readDraft, toDraft } from "./learning-draft";
import { KIND_LABEL } from "./learning-look";
import { useRenewLearnings } from "./use-learnings";

interface Props {
  /** The one to change; left out for a new one. */
  learning?: LearningView;
  opener: (open: () => void) => ReactNode;
}

export function LearningDialog({ learning, opener }: Props) {
  return (
    <DialogForm opener={opener} title={learning ? "Edit the learning" : "Write a learning down"}>
      {(close) => <LearningForm learning={learning} onClose={close} />}
    </DialogForm>
  );
}

function LearningForm({ learning, onClose }: { learning: LearningView | undefined; onClose: () => void }) {
  const [draft, setDraft] = useState(() => toDraft(learning));
  const [tried, setTried] = useState(false);
  const save = useSave(learning, onClose);
  const faults = tried ? faultsOf(draft) : {};
  const change = (part: Partial<LearningDraft>) => setDraft({ ...draft, ...part });
  const submit = (event: FormEvent) => {
    event.preventDefault();
    setTried(true);
    if (Object.keys(faultsOf(draft)).length === 0) save.submit(draft);
  };
  return (
    <form noValidate onSubmit={submit} className="mt-4 flex flex-col gap-4">
      <TextField
        label="Title"
        name="title"
        autoFocus
        maxLength={TITLE_CHARS}
        value={draft.title}
        fault={faults.title}
        onChange={(event) => change({ title: event.target.value })}
      />
      <TextArea
        label="Text"
        name="text"
        rows={5}
        maxLength={TEXT_CHARS}
        help="What the next one should know, and how you know it. Secrets are taken out."
        value={draft.text}
        fault={faults.text}
        onChange={(event) => change({ text: event.target.value })}
      />
      <div className="grid gap-4 sm:grid-cols-2">
        <SelectField
          label="Kind"
          name="kind"
          value={draft.kind}
          onChange={(event) =>
            change({ kind: LEARNING_KINDS.find((kind) => kind === event.target.value) ?? draft.kind })
          }
        >
          {LEARNING_KINDS.map((kind) => (
            <option key={kind} value={kind}>
              {KIND_LABEL[kind]}
            </option>
          ))}
        </SelectField>
        <ProjectField value={draft.project} onChange={(project) => change({ project })} />
      </div>
      <StackChips chosen={draft.stack} onChange={(stack) => change({ stack })} />
      <TextArea
        label="Files"
        name="files"
        rows={2}
        placeholder="src/server.ts"
        help="Paths in the repository that it is about, a line each. May be empty."
        value={draft.files}
        fault={faults.files}
        onChange={(event) => change({ files: event.target.value })}
      />
      {save.fault && (
        <p role="alert" className="text-bad">
          {save.fault}
        </p>
      )}
      <DialogButtons action={save.busy ? "Saving …" : "Save"} busy={save.busy} onClose={onClose} />
    </form>
  );
}

/** The repository that something is about; an empty value means any. */
export function ProjectField({ value, onChange }: { value: string; onChange: (name: string) => void }) {
  const trpc = useTRPC();
  const projects = useQuery(trpc.projects.list.queryOptions({}));
  const names = (projects.data?.projects ?? []).map(({ name }) => name);
  const known = value && !names.includes(value) ? [...names, value] : names;
  return (
    <SelectField
      label="Repository"
      name="project"
      value={value}
      onChange={(event) => onChange(event.target.value)}
    >
      <option value="">Holds anywhere</option>
      {known.map((name) => (
        <option key={name} value={name}>
          {name}
        </option>
      ))}
    </SelectField>
  );
}

/** Saves a draft as a new learning or over the one that it came from. */
function useSave(learning: LearningView | undefined, onClose: () => void) {
  const trpc = useTRPC();
  const renew = useRenewLearnings();
  const onSettled = () => renew();
  const done = (text: string) => () => {
    showNotice({ tone: "good", text });
    onClose();
  };
  const create = useMutation(
    trpc.learnings.create.mutationOptions({ onSettled, onSuccess: done("The learning was written down.") }),
  );
  const edit = useMutation(
    trpc.learnings.edit.mutationOptions({ onSettled, onSuccess: done("The learning was changed.") }),
  );
  const used = learning ? edit : create;
  return {
    submit: (draft: LearningDraft) => {
      const told = readDraft(draft);
      if (!learning) return create.mutate(told);
      // A repository that was put away meanwhile can be kept, and not be chosen anew.
      const { project, ...rest } = told;
      edit.mutate({ id: learning.id, ...rest, ...(project !== learning.project && { project }) });
    },
    busy: used.isPending,
    fault: used.isError ? readFault(used.error).text : null,
  };
}
