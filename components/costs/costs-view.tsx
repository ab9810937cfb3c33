"use client";
// What the team pays: today against its cap, the days as bars, and who or what it went to.
import { keepPreviousData, useQuery } from "@tanstack/react-query";
import { useState } from "react";
import { useTRPC } from "@/components/api/trpc";
import { cx } from "@/components/ui/cx";
import { formatUsd } from "@/components/ui/format";
import { PageHead } from "@/components/ui/page-head";
import { BoneRows, Empty, ErrorNote } from "@/components/ui/states";
import type { CostGroup, TeamCostsView } from "@/server/domain/costs";
import { type CostItem, CostList, tokensOf } from "./cost-list";
import { DayBudget } from "./day-budget";
import { DayChart } from "./day-chart";
import { fillDays, firstOf } from "./fill-days";

const SPANS = [7, 30, 90] as const;
const GROUPS: readonly { by: CostGroup; label: string }[] = [
  { by: "role", label: "Role" },
  { by: "model", label: "Model" },
  { by: "provider", label: "Provider" },
  { by: "project", label: "Project" },
  { by: "job", label: "Job" },
];

export function CostsView() {
  const trpc = useTRPC();
  const [span, setSpan] = useState<number>(30);
  const [by, setBy] = useState<CostGroup>("role");
  const range = { from: firstOf(span, Date.now()), to: firstOf(1, Date.now()) };
  const days = useQuery(
    trpc.costs.team.queryOptions({ ...range, by: "day" }, { placeholderData: keepPreviousData }),
  );
  const groups = useQuery(
    trpc.costs.team.queryOptions({ ...range, by }, { placeholderData: keepPreviousData }),
  );
  const failed = days.isError ? days : groups.isError ? groups : null;
  return (
    <>
      <PageHead title="Costs" note="What models were paid, to the micro-dollar. Days are in UTC.">
        <Choice
          label="Days"
          value={span}
          options={SPANS.map((days) => ({ value: days, label: `${days} days` }))}
          onChoose={setSpan}
        />
      </PageHead>
      {failed && <ErrorNote error={failed.error} onRetry={() => failed.refetch()} />}
      {days.isPending && <BoneRows rows={6} label="Costs are being fetched" />}
      {days.data && (
        <>
          <DayBudget day={days.data.day} />
          <p className="mb-4">
            <span className="text-lg font-semibold tracking-tight tabular-nums">
              {formatUsd(days.data.total.cost_usd)}
            </span>
            <span className="ml-2 text-muted tabular-nums">
              in {span} days · {tokensOf(days.data.total)}
            </span>
          </p>
          <DayChart
            days={fillDays(days.data.from, days.data.to, days.data.rows)}
            cap={days.data.day.budget_usd}
          />
        </>
      )}
      <Choice
        label="By"
        value={by}
        options={GROUPS.map((group) => ({ value: group.by, label: group.label }))}
        onChoose={setBy}
      />
      <div className="mt-4 max-w-[68rem]">{groups.data && <Groups view={groups.data} />}</div>
    </>
  );
}

function Groups({ view }: { view: TeamCostsView }) {
  if (view.total.calls === 0)
    return (
      <Empty
        icon="costs"
        title="Nothing was spent"
        text="Every call to a model appears here with what it cost."
      />
    );
  const items = view.rows.map((row): CostItem => {
    const href =
      view.by === "job"
        ? `/jobs/${row.key}?tab=costs`
        : view.by === "project" && row.key
          ? `/projects/${row.key}`
          : undefined;
    const detail = view.by === "job" && row.key ? row.key : undefined;
    return { ...row, key: row.key ?? "none", ...(href && { href }), ...(detail && { detail }) };
  });
  if (view.others) items.push({ key: "others", label: "All others", ...view.others });
  return <CostList title={`By ${view.by}`} items={items} />;
}

/** One of a few, all in sight. */
function Choice<T extends string | number>({
  label,
  value,
  options,
  onChoose,
}: {
  label: string;
  value: T;
  options: readonly { value: T; label: string }[];
  onChoose: (value: T) => void;
}) {
  return (
    <fieldset className="flex flex-wrap gap-1">
      <legend className="sr-only">{label}</legend>
      {options.map((option) => (
        <label
          key={option.value}
          className={cx(
            "inline-flex h-9 cursor-pointer items-center rounded-md px-3",
            "has-focus-visible:outline-2 has-focus-visible:outline-accent",
            option.value === value ? "bg-sunken font-medium text-ink" : "text-muted hover:bg-sunken",
          )}
        >
          <input
            type="radio"
            name={label}
            className="sr-only"
            checked={option.value === value}
            onChange={() => onChoose(option.value)}
          />
          {option.label}
        </label>
      ))}
    </fieldset>
  );
}
