"use client";
import { useMutation, useQueryClient } from "@tanstack/react-query";
import Link from "next/link";
import { useState } from "react";
import { readFault } from "@/components/api/fault";
import { useTRPC } from "@/components/api/trpc";
import { Button } from "@/components/ui/button";
import { TextField } from "@/components/ui/fields";
import { formatUsd } from "@/components/ui/format";
import { ProgressBar } from "@/components/ui/progress";
import type { JobCostsView } from "@/server/domain/costs";
import { isSettled, type JobState } from "@/server/domain/job-state";
import type { JobView } from "@/server/domain/outputs";

/** The cap, what has gone of it, and a way to raise it: a job that waits for money goes on with that. */
export function BudgetBox({ job, cap }: { job: JobView; cap: JobCostsView["cap"] }) {
  const own = cap.job_id === job.job_id;
  const capped = job.status === "paused" && job.waiting_code === "budget";
  const share = (cap.spent_usd + cap.reserved_usd) / cap.budget_usd;
  return (
    <section aria-label="Budget" className="mb-6 border-b hairline pb-5">
      <p>
        <span className="text-lg font-semibold tracking-tight tabular-nums">{formatUsd(cap.spent_usd)}</span>
        <span className="ml-1.5 text-muted tabular-nums">of {formatUsd(cap.budget_usd)}</span>
        {cap.reserved_usd > 0 && (
          <span className="ml-2 text-xs text-faint tabular-nums">
            {formatUsd(cap.reserved_usd)} held by calls under way
          </span>
        )}
      </p>
      <div className="mt-3">
        <ProgressBar
          value={share}
          label="Part of the cap that is spent"
          tone={capped ? "bad" : share >= 0.8 ? "warn" : "accent"}
        />
      </div>
      {!own && (
        <p className="mt-2 text-muted">
          It draws on the budget of{" "}
          <Link href={`/jobs/${cap.job_id}?tab=costs`} className="underline underline-offset-2">
            {cap.job_id}
          </Link>
          .
        </p>
      )}
      {own && !isSettled(job.status as JobState) && (
        <CapForm key={cap.budget_usd} job={job} capped={capped} cap={cap} />
      )}
    </section>
  );
}

function CapForm({ job, cap, capped }: { job: JobView; cap: JobCostsView["cap"]; capped: boolean }) {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const [text, setText] = useState(String(capped ? cap.budget_usd * 2 : cap.budget_usd));
  const set = useMutation(
    trpc.jobs.setBudget.mutationOptions({
      onSettled: () => {
        void cache.invalidateQueries(trpc.jobs.pathFilter());
        void cache.invalidateQueries(trpc.costs.pathFilter());
      },
    }),
  );
  const usd = Number(text);
  const least = cap.spent_usd + cap.reserved_usd;
  const valid = text.trim() !== "" && Number.isFinite(usd) && usd > 0 && usd >= least;
  const fault = set.error
    ? readFault(set.error).text
    : valid
      ? null
      : `Give at least what is spent: ${formatUsd(least)}.`;
  return (
    <form
      className="mt-4 flex flex-wrap items-start gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (valid) set.mutate({ id: job.job_id, budget_usd: usd, resume: capped });
      }}
    >
      <div className="w-44">
        <TextField
          label="Cap, in dollars"
          inputMode="decimal"
          value={text}
          fault={fault}
          onChange={(event) => setText(event.target.value)}
        />
      </div>
      <Button
        type="submit"
        kind={capped ? "primary" : "plain"}
        className="mt-6.5"
        disabled={!valid || set.isPending || (!capped && usd === cap.budget_usd)}
      >
        {set.isPending ? "Setting …" : capped ? "Extend and go on" : "Set the cap"}
      </Button>
    </form>
  );
}
