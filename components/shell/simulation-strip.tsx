"use client";
import { useQuery } from "@tanstack/react-query";
import Link from "next/link";
import { useTRPC } from "@/components/api/trpc";
import { Icon } from "@/components/ui/icons";

/** Says on every screen that no model is behind the answers. */
export function SimulationStrip() {
  const trpc = useTRPC();
  const factory = useQuery(trpc.factory.info.queryOptions(undefined, { staleTime: 300_000 }));
  if (!factory.data?.simulated) return null;
  return (
    <div role="note" className="border-b border-warn/30 bg-warn/8 px-4 py-1.5 text-xs sm:px-6 lg:px-8">
      <span className="inline-flex items-center gap-1.5 font-medium text-warn">
        <Icon name="warning" className="size-3.5" />
        Simulation: no model key is set.
      </span>{" "}
      <span className="text-muted">The code is written by a built-in model.</span>{" "}
      <Link href="/settings" className="text-ink underline underline-offset-2">
        Use a real one
      </Link>
    </div>
  );
}
