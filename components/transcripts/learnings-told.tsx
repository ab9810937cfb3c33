"use client";
// What memory had to do with a job: what its agents were told, and what came of it.
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useTRPC } from "@/components/api/trpc";
import { formatCount } from "@/components/ui/format";
import { Folded } from "./folded";

const LINK = "underline underline-offset-2 hover:text-ink";

/** The learnings that one agent was told, best fit first; nothing when it was told none. */
export function LearningsTold({ id, run, agentRun }: { id: string; run: number; agentRun: string }) {
  const trpc = useTRPC();
  const memory = useQuery(trpc.learnings.ofJob.queryOptions({ id }));
  const told = (memory.data?.given ?? []).filter((one) => one.run === run && one.agent_run === agentRun);
  if (told.length === 0) return null;
  return (
    <Folded label={`Was told ${formatCount(told.length, "learning")}`}>
      <ul className="px-3 py-1.5">
        {told.map(({ rank, learning }) => (
          <li key={rank} className="py-0.5 wrap-anywhere">
            {learning ? (
              <Link href={`/learnings/${learning.id}`} className={LINK}>
                {learning.title}
              </Link>
            ) : (
              <span className="text-faint">one that was deleted since</span>
            )}
          </li>
        ))}
      </ul>
    </Folded>
  );
}

/** Leads to what a job found out; nothing when that is nothing. */
export function LearningsFound({ id }: { id: string }) {
  const trpc = useTRPC();
  const memory = useQuery(trpc.learnings.ofJob.queryOptions({ id }));
  const found = memory.data?.taken.length ?? 0;
  if (found === 0) return null;
  return (
    <p className="mt-3 text-muted">
      This job found out{" "}
      <Link href={`/learnings?job=${id}`} className={LINK}>
        {formatCount(found, "learning")}
      </Link>
      .
    </p>
  );
}
