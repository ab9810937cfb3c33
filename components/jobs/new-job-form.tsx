"use client";
// One text box is enough; everything else folds out and has a default.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useRouter, useSearchParams } from "next/navigation";
import { type FormEvent, type KeyboardEvent, useState } from "react";
import { readFault } from "@/components/api/fault";
import { useTRPC } from "@/components/api/trpc";
import { Button } from "@/components/ui/button";
import { TextArea } from "@/components/ui/fields";
import { Icon } from "@/components/ui/icons";
import { PageHead } from "@/components/ui/page-head";
import { type DraftFaults, EMPTY_DRAFT, faultsFromServer, type JobDraft, readDraft } from "./new-job-draft";
import { NewJobMore } from "./new-job-more";
import { NewJobPlace, UnchangedBox } from "./new-job-place";
import { StackChips } from "./stack-chips";

const EXAMPLES: { label: string; request: string; features: string[] }[] = [
  { label: "Shop API", request: "REST API for a small shop", features: ["Products", "Cart", "Checkout"] },
  { label: "Blog", request: "Blog with posts and comments", features: ["Posts", "Comments", "Tags"] },
  { label: "Task manager", request: "Task management system", features: ["Tasks", "Users", "Categories"] },
];

const BUILD_EXAMPLE =
  "REST API for a small shop\nProducts with prices, a cart, a checkout that reduces the stock.";
const CHANGE_EXAMPLE =
  "The total of an empty cart is zero\nIt answers with an error today; the checkout page then shows nothing.";

export function NewJobForm() {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const router = useRouter();
  const wanted = useSearchParams().get("project") ?? "";
  const [draft, setDraft] = useState<JobDraft>({ ...EMPTY_DRAFT, project: wanted });
  const [faults, setFaults] = useState<DraftFaults>({});
  const create = useMutation(
    trpc.jobs.create.mutationOptions({
      onSuccess: (job) => {
        void cache.invalidateQueries(trpc.jobs.list.pathFilter());
        router.push(`/jobs/${job.job_id}`);
      },
      onError: (error) => setFaults(faultsFromServer(draft, readFault(error))),
    }),
  );
  const change = (part: Partial<JobDraft>) => {
    setDraft((before) => ({ ...before, ...part }));
    setFaults((before) => Object.fromEntries(Object.entries(before).filter(([field]) => !(field in part))));
  };
  const send = () => {
    const read = readDraft(draft);
    if ("faults" in read) return setFaults(read.faults);
    create.mutate(read.input);
  };
  const onSubmit = (event: FormEvent) => {
    event.preventDefault();
    send();
  };
  const onKey = (event: KeyboardEvent) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) send();
  };
  const isChange = draft.project !== "";
  const sent = create.isPending || create.isSuccess;
  return (
    <form onSubmit={onSubmit} onKeyDown={onKey} noValidate className="max-w-3xl">
      <PageHead
        title="New job"
        note={`Say what should be ${isChange ? "changed" : "built"}. The first line becomes the title.`}
      />
      <div className="flex flex-col gap-6">
        <NewJobPlace draft={draft} faults={faults} onChange={change} />
        <TextArea
          label="Request"
          name="request"
          rows={6}
          autoFocus
          placeholder={isChange ? CHANGE_EXAMPLE : BUILD_EXAMPLE}
          value={draft.request}
          onChange={(event) => change({ request: event.target.value })}
          fault={faults.request}
          className="text-[0.9375rem] leading-6"
        />
        {isChange ? (
          <UnchangedBox draft={draft} faults={faults} onChange={change} />
        ) : (
          <>
            <Examples onChoose={change} />
            <StackChips chosen={draft.stack} onChange={(stack) => change({ stack })} fault={faults.stack} />
          </>
        )}
        <TextArea
          label="Features"
          name="features"
          rows={3}
          help="One a line. Each becomes part of the plan and gets its own tests."
          value={draft.features}
          onChange={(event) => change({ features: event.target.value })}
          fault={faults.features}
        />
        <NewJobMore draft={draft} faults={faults} onChange={change} />
        <div className="sticky bottom-0 -mx-2 flex flex-wrap items-center gap-3 border-t hairline bg-ground px-2 py-3">
          <Button type="submit" kind="primary" disabled={sent}>
            {sent ? "Filing …" : "File the job"}
          </Button>
          <span className="hidden text-xs text-faint sm:inline">Ctrl Enter</span>
          {Object.keys(faults).length > 0 && (
            <span role="alert" className="inline-flex items-center gap-1.5 text-bad">
              <Icon name="warning" />
              Something above needs a change.
            </span>
          )}
        </div>
      </div>
    </form>
  );
}

function Examples({ onChoose }: { onChoose: (part: Partial<JobDraft>) => void }) {
  return (
    <div className="-mt-3 flex flex-wrap items-center gap-x-3 gap-y-1 text-xs text-faint">
      Try:
      {EXAMPLES.map((example) => (
        <button
          key={example.label}
          type="button"
          className="h-6 text-ink underline underline-offset-2"
          onClick={() => onChoose({ request: example.request, features: example.features.join("\n") })}
        >
          {example.label}
        </button>
      ))}
    </div>
  );
}
