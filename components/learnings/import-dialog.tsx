"use client";
// Reading Markdown files in: every heading and every marked line becomes a learning. Files are read here and sent as text.
import { useMutation } from "@tanstack/react-query";
import { type FormEvent, type ReactNode, useId, useState } from "react";
import { readFault } from "@/components/api/fault";
import { useTRPC } from "@/components/api/trpc";
import { StackChips } from "@/components/jobs/stack-chips";
import { formatBytes, formatCount } from "@/components/ui/format";
import { showNotice } from "@/components/ui/notices";
import type { ImportedView } from "@/server/domain/learning";
import { STACK_NAMES, type StackName } from "@/server/domain/stacks";
import { DialogButtons, DialogForm } from "./dialog-form";
import { ProjectField } from "./learning-dialog";
import { useRenewLearnings } from "./use-learnings";

/** What one request may hold, with room for everything around the texts. */
const MOST_BYTES = 900_000;
const MOST_FILES = 200;

export function ImportDialog({ opener }: { opener: (open: () => void) => ReactNode }) {
  return (
    <DialogForm opener={opener} title="Read learnings in from files">
      {(close) => <ImportForm onClose={close} />}
    </DialogForm>
  );
}

function ImportForm({ onClose }: { onClose: () => void }) {
  const trpc = useTRPC();
  const renew = useRenewLearnings();
  const [files, setFiles] = useState<File[]>([]);
  const [project, setProject] = useState("");
  const [stack, setStack] = useState<string[]>([]);
  const [unreadable, setUnreadable] = useState<string | null>(null);
  const send = useMutation(
    trpc.learnings.import.mutationOptions({
      onSettled: () => renew(),
      onSuccess: (done) => {
        showNotice({ tone: "good", text: outcomeOf(done) });
        onClose();
      },
    }),
  );
  const fault = unreadable ?? faultOf(files) ?? (send.isError ? readFault(send.error).text : null);
  const submit = async (event: FormEvent) => {
    event.preventDefault();
    setUnreadable(null);
    try {
      const texts = await Promise.all(
        files.map(async (file) => ({ path: file.name, text: await file.text() })),
      );
      const names = stack.filter((name): name is StackName => STACK_NAMES.some((known) => known === name));
      send.mutate({ files: texts, project: project === "" ? null : project, stack: names });
    } catch {
      setUnreadable("A file could not be read. Choose the files again.");
    }
  };
  return (
    <form onSubmit={submit} className="mt-4 flex flex-col gap-4">
      <p className="text-muted">
        Every section under a heading and every line such as{" "}
        <code className="font-mono text-xs">- [gotcha] Title: text</code> becomes a learning. What the team
        knows already is counted and not added twice.
      </p>
      <FilesField files={files} onChange={setFiles} />
      <ProjectField value={project} onChange={setProject} />
      <StackChips chosen={stack} onChange={setStack} />
      {fault && (
        <p role="alert" className="text-bad">
          {fault}
        </p>
      )}
      <DialogButtons
        action={send.isPending ? "Reading …" : "Read in"}
        busy={send.isPending}
        disabled={files.length === 0 || faultOf(files) !== null}
        onClose={onClose}
      />
    </form>
  );
}

function FilesField({ files, onChange }: { files: readonly File[]; onChange: (files: File[]) => void }) {
  const id = useId();
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  return (
    <div className="flex flex-col gap-1.5">
      <label htmlFor={id} className="font-medium">
        Markdown files
      </label>
      <input
        id={id}
        type="file"
        multiple
        accept=".md,.markdown,.txt,text/markdown,text/plain"
        onChange={(event) => onChange([...(event.target.files ?? [])])}
        className="max-w-full file:mr-3 file:h-9 file:rounded-md file:border file:border-edge/60 file:bg-raised file:px-3 file:font-medium file:text-ink hover:file:bg-sunken"
      />
      {files.length > 0 && (
        <p className="text-xs text-faint">
          {formatCount(files.length, "file")}, {formatBytes(bytes)}
        </p>
      )}
    </div>
  );
}

function faultOf(files: readonly File[]): string | null {
  const bytes = files.reduce((sum, file) => sum + file.size, 0);
  if (files.length > MOST_FILES) return `At most ${MOST_FILES} files at once.`;
  if (bytes > MOST_BYTES)
    return `Together they have ${formatBytes(bytes)}; at most ${formatBytes(MOST_BYTES)} at once.`;
  return null;
}

function outcomeOf({ taken, known, skipped }: ImportedView): string {
  const parts = [
    taken === 0 ? "Nothing new was found" : `${formatCount(taken, "learning")} taken in`,
    known > 0 && `${known.toLocaleString("en")} known already`,
    skipped > 0 && `${formatCount(skipped, "section")} without anything to keep`,
  ];
  return `${parts.filter(Boolean).join(", ")}.`;
}
