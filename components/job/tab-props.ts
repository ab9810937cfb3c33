import type { JobDetailView, JobView } from "@/server/domain/outputs";
import type { JobLog } from "./log-model";

/** What every tab of a job's page is given. */
export interface TabProps {
  job: JobView;
  detail: JobDetailView;
  log: JobLog;
}
