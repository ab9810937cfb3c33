// What sets the runner of an external agent apart from an ordinary one: it is given other jobs, and does them itself.
import type { runJob } from "./job-session";

/** Empty for an ordinary runner. */
export interface Lane {
  agent?: "external";
  /** What is done with a claimed job instead of waiting for the app's commands. */
  runJob?: typeof runJob;
}
