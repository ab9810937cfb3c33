"use client";
// What the team may spend a day, and what has gone of it today; admins set it.
import { useMutation, useQueryClient } from "@tanstack/react-query";
import { useState } from "react";
import { readFault } from "@/components/api/fault";
import { useTRPC } from "@/components/api/trpc";
import { useMe } from "@/components/api/use-me";
import { Button } from "@/components/ui/button";
import { TextField } from "@/components/ui/fields";
import { formatUsd } from "@/components/ui/format";
import { ProgressBar } from "@/components/ui/progress";
import type { TeamCostsView } from "@/server/domain/costs";

/** From this part of the cap on a day is shown as a warning, as it is told in the log. */
const WARN_SHARE = 0.8;

export function DayBudget({ day }: { day: TeamCostsView["day"] }) {
  const me = useMe();
  const [open, setOpen] = useState(false);
  const share = (day.spent_usd + day.reserved_usd) / day.budget_usd;
  const left = Math.max(0, day.budget_usd - day.spent_usd - day.reserved_usd);
  return (
    <section aria-label="Today" className="mb-8 border-y hairline py-4">
      <div className="flex flex-wrap items-end justify-between gap-x-6 gap-y-3">
        <p>
          <span className="block text-xs text-faint">Spent today (UTC)</span>
          <span className="text-lg font-semibold tracking-tight tabular-nums">
            {formatUsd(day.spent_usd)}
          </span>
          <span className="ml-1.5 text-muted tabular-nums">of {formatUsd(day.budget_usd)}</span>
          <span className="block text-xs text-faint tabular-nums">
            {day.reserved_usd > 0 && `${formatUsd(day.reserved_usd)} held by calls under way · `}
            {formatUsd(left)} left{!day.own && " · the factory’s setting"}
          </span>
        </p>
        {me?.role === "admin" && !open && (
          <Button icon="pencil" onClick={() => setOpen(true)}>
            Set the day’s cap
          </Button>
        )}
      </div>
      <div className="mt-3">
        <ProgressBar
          value={share}
          label="Part of the day's cap that is spent"
          tone={share >= 1 ? "bad" : share >= WARN_SHARE ? "warn" : "accent"}
        />
      </div>
      {open && <DayBudgetForm day={day} onDone={() => setOpen(false)} />}
    </section>
  );
}

function DayBudgetForm({ day, onDone }: { day: TeamCostsView["day"]; onDone: () => void }) {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const [text, setText] = useState(String(day.budget_usd));
  const set = useMutation(
    trpc.costs.setDayBudget.mutationOptions({
      onSuccess: () => {
        void cache.invalidateQueries(trpc.costs.pathFilter());
        void cache.invalidateQueries(trpc.queue.pathFilter());
        onDone();
      },
    }),
  );
  const usd = Number(text);
  const valid = text.trim() !== "" && Number.isFinite(usd) && usd > 0;
  const fault = set.error ? readFault(set.error).text : valid ? null : "Give an amount above zero.";
  return (
    <form
      className="mt-4 flex max-w-2xl flex-wrap items-start gap-3"
      onSubmit={(event) => {
        event.preventDefault();
        if (valid) set.mutate({ budget_day_usd: usd });
      }}
    >
      <div className="w-56">
        <TextField
          label="Cap of a day, in dollars"
          inputMode="decimal"
          value={text}
          fault={fault}
          help="Jobs that reach it go on tomorrow."
          onChange={(event) => setText(event.target.value)}
        />
      </div>
      <div className="flex flex-wrap gap-2 pt-6.5">
        <Button type="submit" kind="primary" disabled={!valid || set.isPending}>
          {set.isPending ? "Setting …" : "Set"}
        </Button>
        {day.own && (
          <Button disabled={set.isPending} onClick={() => set.mutate({ budget_day_usd: null })}>
            Use the factory’s setting
          </Button>
        )}
        <Button kind="quiet" onClick={onDone}>
          Leave it
        </Button>
      </div>
    </form>
  );
}
