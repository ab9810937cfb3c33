// The events that drive the engine functions. `job` is always the public job id.
export interface EngineEvents {
  /** `after`: the engine run that is lost, whose place the new one takes. */
  "job/started": { job: string; run: number; after?: string };
  /** Ends every function of this run of the job. */
  "job/stopped": { job: string; run: number; reason: string };
  "job/resumed": { job: string; run: number };
  "command/finished": { job: string; command: string };
}
