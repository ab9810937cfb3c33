"use client";
import { cx } from "@/components/ui/cx";
import { FoldMark } from "@/components/ui/fold-mark";
import { Icon } from "@/components/ui/icons";
import type { WorkerView } from "@/server/domain/outputs";
import { WorkerRow } from "./worker-row";

/** One runner: what isolates its jobs, what its probe found, and its slots. */
export function RunnerGroup({ workers }: { workers: [WorkerView, ...WorkerView[]] }) {
  const { runner, driver, probe, programs, images, agent } = workers[0];
  const held = probe.filter((check) => isHeld(check.result)).length;
  return (
    <section aria-label={`Runner ${runner}`} className="mb-8">
      <div className="flex flex-wrap items-center gap-x-3 gap-y-1 border-b hairline pb-2">
        <h2 className="font-semibold">{runner}</h2>
        <span className="text-muted">{driver}</span>
        {agent === "external" && <span className="text-muted">external agent</span>}
        {driver === "bubblewrap" && (
          <span className="inline-flex items-center gap-1.5 text-xs text-warn">
            <Icon name="warning" className="size-3.5" />
            For trusted users on one machine
          </span>
        )}
      </div>
      <ul>
        {workers.map((worker) => (
          <WorkerRow key={worker.worker_id} worker={worker} />
        ))}
      </ul>
      <details className="group mt-1">
        <summary className="flex h-9 items-center gap-2 text-xs text-muted">
          <FoldMark className="size-3" />
          Probe: {held} of {probe.length} limits hold
        </summary>
        <ul className="grid gap-x-8 gap-y-1 pb-2 pl-5 text-xs sm:grid-cols-2 xl:grid-cols-3">
          {probe.map((check) => (
            <li key={check.name} className="flex items-start gap-2 py-0.5">
              <Icon
                name={isHeld(check.result) ? "check" : "warning"}
                className={cx("size-3.5 mt-px", isHeld(check.result) ? "text-good" : "text-warn")}
              />
              <span className="min-w-0 wrap-anywhere">
                {check.name} <span className="text-faint">{check.detail || check.result}</span>
              </span>
            </li>
          ))}
        </ul>
        <p className="pb-2 pl-5 text-xs text-faint wrap-anywhere">
          {Object.entries(programs)
            .map(([name, version]) => `${name} ${version}`)
            .join(" · ")}
        </p>
        {images.length > 0 && (
          <p className="pb-2 pl-5 text-xs text-faint wrap-anywhere">
            Images of projects: {images.join(" · ")}
          </p>
        )}
      </details>
    </section>
  );
}

function isHeld(result: string): boolean {
  return result === "pass";
}
