"use client";
// What a job has cost and may cost: its cap, and who it went to.
import { useQuery, useQueryClient } from "@tanstack/react-query";
import { useEffect, useRef } from "react";
import { useTRPC } from "@/components/api/trpc";
import { type CostItem, CostList, tokensOf } from "@/components/costs/cost-list";
import { transcriptQuery } from "@/components/transcripts/transcript-place";
import { formatCount, formatUsd } from "@/components/ui/format";
import { BoneRows, Empty, ErrorNote } from "@/components/ui/states";
import type { JobCostsView } from "@/server/domain/costs";
import { BudgetBox } from "./budget-box";
import type { TabProps } from "./tab-props";

export function TabCosts({ job, log }: TabProps) {
  const trpc = useTRPC();
  const cache = useQueryClient();
  const id = job.job_id;
  const costs = useQuery(trpc.costs.job.queryOptions({ id }));
  // Whatever is paid is in the log: the statement is asked for again when the sum has changed.
  const paid = log.costUsd ?? job.cost_usd;
  const seen = useRef(paid);
  useEffect(() => {
    if (seen.current === paid) return;
    seen.current = paid;
    void cache.invalidateQueries(trpc.costs.job.queryFilter({ id }));
  }, [cache, trpc, id, paid]);
  if (costs.isError) return <ErrorNote error={costs.error} onRetry={() => costs.refetch()} />;
  if (!costs.data) return <BoneRows rows={6} label="Costs are being fetched" />;
  return (
    <div className="max-w-[68rem]">
      <BudgetBox job={job} cap={costs.data.cap} />
      {costs.data.total.calls === 0 ? (
        <Empty
          icon="costs"
          title="Nothing was spent yet"
          text="Every call to a model appears here with what it cost."
        />
      ) : (
        <Statement costs={costs.data} />
      )}
    </div>
  );
}

function Statement({ costs }: { costs: JobCostsView }) {
  const several = costs.by_job.length > 1;
  const detail = (parts: (string | false)[]) => parts.filter(Boolean).join(" · ");
  const runs = costs.by_agent_run.map((row): CostItem => {
    const { job_id, run, agent_run, role } = row;
    return {
      ...row,
      key: JSON.stringify([job_id, run, agent_run, role]),
      label: agent_run ?? "external agent",
      ...(agent_run !== null && {
        href: `/jobs/${job_id}${transcriptQuery({ run, agentRun: agent_run, turn: null })}`,
      }),
      detail: detail([
        role,
        row.turns > 0 && formatCount(row.turns, "turn"),
        run > 1 && `run ${run}`,
        several && job_id,
      ]),
    };
  });
  const rounds = costs.by_round.map((row): CostItem => {
    const { job_id, run, task, round } = row;
    const label = task === null ? "Outside of tasks" : `Task ${task}`;
    return {
      ...row,
      key: JSON.stringify([job_id, run, task, round]),
      label: round === null ? label : `${label}, ${round === 0 ? "first try" : `fix ${round}`}`,
      detail: detail([run > 1 && `run ${run}`, several && job_id]),
    };
  });
  return (
    <>
      <p className="mb-6 text-muted tabular-nums">
        {formatUsd(costs.total.cost_usd)} · {tokensOf(costs.total)}
        {costs.estimated_usd > 0 &&
          ` · ${formatUsd(costs.estimated_usd)} of it is estimated: calls that broke off are charged in full`}
      </p>
      <div className="grid gap-x-10 md:grid-cols-2">
        <CostList
          title="By role"
          items={costs.by_role.map((row) => ({ ...row, key: row.role, label: row.role }))}
        />
        <CostList
          title="By model"
          items={costs.by_model.map((row) => {
            const name = `${row.provider}/${row.model}`;
            return { ...row, key: name, label: name };
          })}
        />
      </div>
      {several && (
        <CostList
          title="By job"
          items={costs.by_job.map((row) => ({
            ...row,
            key: row.job_id,
            label: row.title,
            detail: `${row.kind} · ${row.job_id}`,
            href: `/jobs/${row.job_id}?tab=costs`,
          }))}
        />
      )}
      <div className="grid gap-x-10 md:grid-cols-2">
        <CostList title="By round" items={rounds} />
        <CostList title="By agent run" items={runs} />
      </div>
    </>
  );
}
