"use client";
// The files that the job made or changed: on the left which, on the right what changed in the chosen one, or its
// whole text. A repository that was there before is shown whole only to who asks for it.
import { useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/components/api/trpc";
import { Button } from "@/components/ui/button";
import { formatBytes, formatCount } from "@/components/ui/format";
import { keyed } from "@/components/ui/keyed";
import { BoneRows, Empty, ErrorNote } from "@/components/ui/states";
import type { JobView } from "@/server/domain/outputs";
import { parseDiff } from "./diff";
import { DiffView } from "./diff-view";
import { FileTree } from "./file-tree";
import type { TabProps } from "./tab-props";

export function TabChanges({ job, detail }: TabProps) {
  const { files: changes, diff } = useChangedFiles(job);
  const [chosen, setChosen] = useState<string | null>(null);
  const [everything, setEverything] = useState(false);
  const isPart = job.project !== null;
  const shown = isPart && !everything ? [] : detail.files;
  const changed = new Map(changes.map((file) => [file.path, file]));
  const path = chosen ?? firstOf(changes) ?? firstOf(shown);
  if (diff?.isPending) return <BoneRows rows={6} label="The changes are being fetched" />;
  if (diff?.isError) return <ErrorNote error={diff.error} onRetry={() => diff.refetch()} />;
  if (!path && detail.files.length === 0) {
    return (
      <Empty icon="folder" title="No files yet" text="Files appear here with every commit of an agent." />
    );
  }
  return (
    <div className="grid gap-x-6 gap-y-4 md:grid-cols-[14rem_minmax(0,1fr)]">
      <div className="max-h-64 overflow-y-auto md:sticky md:top-14 md:max-h-[calc(100dvh-5rem)] md:self-start">
        {path ? (
          <FileTree files={shown} changed={changed} chosen={path} onChoose={setChosen} />
        ) : (
          <p className="text-muted">Nothing is changed yet.</p>
        )}
        {isPart && detail.files.length > 0 && (
          <Button kind="quiet" className="mt-2" onClick={() => setEverything(!everything)}>
            {everything ? "Only what changed" : `All ${formatCount(detail.files.length, "file")}`}
          </Button>
        )}
      </div>
      {path && <FilePane key={path} id={job.job_id} path={path} changed={changed.has(path)} />}
    </div>
  );
}

/** The factory's own folder is in the work and never in what is delivered. */
const OWN_FOLDER = ".fabrica/";

/**
 * What changed so far. It is counted at the delivery; before that, the work on a repository that was there is compared
 * with its base.
 */
function useChangedFiles({ job_id: id, project, base_commit, changes }: JobView) {
  const trpc = useTRPC();
  const wanted = project !== null && base_commit !== null && changes === null;
  const diff = useQuery(trpc.jobs.diff.queryOptions({ id }, { enabled: wanted }));
  if (!wanted) return { files: changes?.files ?? [], diff: null };
  const files = parseDiff(diff.data?.text ?? "").filter(({ path }) => !path.startsWith(OWN_FOLDER));
  return { files, diff };
}

/** The file to begin with: not a hidden one where there is another. */
function firstOf(files: readonly { path: string }[]): string | null {
  return (files.find((file) => !file.path.startsWith(".")) ?? files[0])?.path ?? null;
}

function FilePane({ id, path, changed }: { id: string; path: string; changed: boolean }) {
  const [whole, setWhole] = useState(!changed);
  return (
    <section aria-label={path} className="min-w-0">
      <header className="flex min-h-9 flex-wrap items-center justify-between gap-2 pb-2">
        <h2 className="min-w-0 font-mono text-xs wrap-anywhere">{path}</h2>
        {changed && (
          <Button kind="quiet" icon={whole ? "pencil" : "file"} onClick={() => setWhole(!whole)}>
            {whole ? "Show the change" : "Show the file"}
          </Button>
        )}
      </header>
      {whole ? <FileText id={id} path={path} /> : <FileDiff id={id} path={path} />}
    </section>
  );
}

function FileDiff({ id, path }: { id: string; path: string }) {
  const trpc = useTRPC();
  const diff = useQuery(trpc.jobs.diff.queryOptions({ id, path }));
  if (diff.isPending) return <BoneRows rows={6} label="The change is being fetched" />;
  if (diff.isError) return <ErrorNote error={diff.error} onRetry={() => diff.refetch()} />;
  return <DiffView files={parseDiff(diff.data.text)} truncated={diff.data.truncated} />;
}

function FileText({ id, path }: { id: string; path: string }) {
  const trpc = useTRPC();
  const file = useQuery(trpc.jobs.file.queryOptions({ id, path }));
  if (file.isPending) return <BoneRows rows={6} label="The file is being fetched" />;
  if (file.isError) return <ErrorNote error={file.error} onRetry={() => file.refetch()} />;
  if (file.data.binary) return <p className="text-muted">A binary file of {formatBytes(file.data.size)}.</p>;
  const lines = file.data.text.replace(/\n$/, "").split("\n");
  return (
    <>
      <div className="overflow-x-auto rounded-md border hairline py-2 font-mono text-xs leading-[1.15rem]">
        <div className="w-max min-w-full">
          {keyed(lines).map(({ key, item }) => (
            <div key={key} className="flex h-[1.15rem]">
              <span aria-hidden="true" className="w-12 shrink-0 pr-3 text-right text-faint select-none">
                {key + 1}
              </span>
              <span className="pr-4 whitespace-pre">{item}</span>
            </div>
          ))}
        </div>
      </div>
      {file.data.truncated && (
        <p className="mt-2 text-xs text-faint">
          Only the beginning of {formatBytes(file.data.size)} is shown.
        </p>
      )}
    </>
  );
}
