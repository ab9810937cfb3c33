"use client";
import Link from "next/link";
import { useFactory } from "@/components/api/use-factory";
import { Icon } from "@/components/ui/icons";

/** Says on every screen that no model is behind the answers. */
export function SimulationStrip() {
  const factory = useFactory();
  if (!factory?.simulated) return null;
  return (
    <div role="note" className="border-b border-warn/30 bg-warn/8 px-4 py-1.5 text-xs sm:px-6 lg:px-8">
      <span className="font-medium text-warn">
        <Icon name="warning" className="mr-1.5 inline size-3.5 align-[-0.15em]" />
        Simulation: no model key is set.
      </span>{" "}
      <span className="text-muted">The code is written by a built-in model.</span>{" "}
      <Link href="/settings" className="text-ink underline underline-offset-2">
        Use a real one
      </Link>
    </div>
  );
}
