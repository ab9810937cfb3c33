"use client";
import { useQuery } from "@tanstack/react-query";
import { useTRPC } from "@/components/api/trpc";
import { PageHead } from "@/components/ui/page-head";
import { BoneRows, Empty, ErrorNote } from "@/components/ui/states";
import type { WorkerView } from "@/server/domain/outputs";
import { AddRunner } from "./add-runner";
import { RunnerGroup } from "./runner-group";

/** Heartbeats and averages are not events, so the list is asked for now and then. */
const RENEW_MS = 10_000;

/** Runners with their slots. */
export function WorkersView() {
  const trpc = useTRPC();
  const workers = useQuery(trpc.workers.list.queryOptions({}, { refetchInterval: RENEW_MS }));
  return (
    <>
      <PageHead
        title="Workers"
        note="Each worker is one slot of a runner and holds one job with one sandbox at a time."
      />
      {workers.isPending && <BoneRows rows={4} label="Workers are being fetched" />}
      {workers.isError && <ErrorNote error={workers.error} onRetry={() => workers.refetch()} />}
      {workers.data?.workers.length === 0 && (
        <Empty
          icon="workers"
          title="No worker is registered"
          text="Jobs wait until a runner registers. Start one with the command below."
        />
      )}
      {workers.data &&
        byRunner(workers.data.workers).map((group) => <RunnerGroup key={group[0].runner} workers={group} />)}
      <AddRunner />
    </>
  );
}

type Group = [WorkerView, ...WorkerView[]];

function byRunner(workers: readonly WorkerView[]): Group[] {
  const groups = new Map<string, Group>();
  for (const worker of workers) {
    const group = groups.get(worker.runner);
    if (group) group.push(worker);
    else groups.set(worker.runner, [worker]);
  }
  return [...groups.values()];
}
