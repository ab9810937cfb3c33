// The job's record with what its stream has told since. Pure.

import { isSettled } from "@/server/domain/job-state";
import type { JobView } from "@/server/domain/outputs";
import type { JobLog } from "./log-model";

/** The newer of the two for each field; progress never falls. */
export function liveJob(job: JobView, log: JobLog): JobView {
  if (log.run < job.run || log.lastSeq < job.last_seq) return job;
  const status = log.state ?? job.status;
  const step = log.timeline.at(-1);
  return {
    ...job,
    status,
    run: log.run,
    progress: Math.max(log.run === job.run ? job.progress : 0, log.progress, status === "completed" ? 1 : 0),
    iterations: Math.max(log.iteration, log.run === job.run ? job.iterations : 0),
    current_step: isSettled(status) ? null : (step?.step ?? job.current_step),
    worker_id: log.workerId,
    cost_usd: Math.max(log.costUsd ?? 0, job.cost_usd),
  };
}
