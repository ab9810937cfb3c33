// Which jobs nobody seems to work for. What follows from that is decided by who asks, and by how long it lasts.
import { Prisma } from "../../generated/prisma/client";

/**
 * The jobs that an engine run has and that have been silent for so long. Under a lease an engine run has always
 * something to do, and whatever it does leaves a trace: an event in the log, a command that is not over, a reservation
 * for a model call. Where none of these is, no step of it is being carried out, or one that leaves no trace for long, such
 * as a fetch of a repository.
 * @param seconds without a trace
 * @returns a query with the columns of the job and `spoke_at`, the time of its last event
 */
export function silentJobs(seconds: number): Prisma.Sql {
  return Prisma.sql`
    SELECT j.id, j.public_id, j.run, j.engine_run_id, j.last_seq, e.at AS spoke_at FROM job j
    JOIN job_event e ON e.job_id = j.id AND e.seq = j.last_seq
    WHERE j.lease_worker_id IS NOT NULL AND j.engine_run_id IS NOT NULL
      AND j.state IN ('running', 'validating', 'approved')
      -- An external agent may think for as long as it likes; once it has its files, the engine has nothing to do.
      AND NOT (j.needs = 'agent' AND j.state = 'running' AND j.head_commit IS NOT NULL)
      AND e.at < now() - make_interval(secs => ${seconds}::float8)
      AND NOT EXISTS (SELECT 1 FROM command c
        WHERE c.job_id = j.id AND c.run = j.run AND c.state IN ('queued', 'running'))
      AND NOT EXISTS (SELECT 1 FROM spend s
        WHERE s.job_id = j.id AND s.run = j.run AND s.state = 'reserved' AND s.deadline > now())`;
}
