// Why a job waits: the one list of reasons, each with the sentence that people are shown.
import type { JobState } from "./job-state";
import type { Lane } from "./lane";
import { EXTERNAL_AGENT, imageOf } from "./needs";

export const WAITING_CODES = [
  "dependency",
  "dependency_failed",
  "files",
  "paused",
  "plan",
  "children",
  "budget",
  "quota",
  "sandbox",
  "factory_limit",
  "team_limit",
  "lane_limit",
  "day_budget",
  "day_agent_runs",
  "cooldown",
  "no_worker",
] as const;
export type WaitingCode = (typeof WAITING_CODES)[number];

/** Whether a stored code is one of these. */
export const isWaitingCode = (code: string | null): code is WaitingCode =>
  WAITING_CODES.some((known) => known === code);

export interface Waiting {
  code: WaitingCode;
  /** One sentence for people, without a full stop. */
  text: string;
}

/** States out of which a job comes only by a person's hand. */
export const NEEDS_PERSON: readonly JobState[] = ["failed", "cancelled", "escalated"];

/** A dependency that is not completed: it may still be, or somebody must do something about it. */
export function dependencyWait(publicId: string, state: JobState): Waiting {
  return {
    code: NEEDS_PERSON.includes(state) ? "dependency_failed" : "dependency",
    text: `waits for ${publicId}, which is ${state}`,
  };
}

/** Longest part of a path in a sentence, in characters. */
const PATH_SHOWN = 200;

/**
 * Another job holds a file that this one declared.
 * @param holder public id of the holder's root job
 */
export function filesWait(holder: string, path: string): Waiting {
  const shown = path.replace(/\p{Cc}/gu, "\ufffd");
  const short = shown.length > PATH_SHOWN ? `${shown.slice(0, PATH_SHOWN).toWellFormed()}…` : shown;
  return { code: "files", text: `waits for ${holder}, which holds ${short}` };
}

/** What closes a lane of a team, as the claim's own statement says. Money in dollars, time in seconds. */
export type Closure =
  | { code: "factory_limit" | "team_limit" | "lane_limit"; limit: number; lane: Lane }
  | { code: "day_budget"; limit: number }
  | { code: "day_agent_runs"; limit: number }
  | { code: "cooldown"; limit: number };

/**
 * @param closure null when the lane is open: then only a worker is missing
 * @param needs what the worker must offer
 * @param workers how many of those there are
 */
export function closureWait(closure: Closure | null, needs: string, workers: number): Waiting {
  if (!closure) return { code: "no_worker", text: workerWait(needs, workers === 0) };
  return { code: closure.code, text: sentenceOf(closure) };
}

function workerWait(needs: string, none: boolean): string {
  const image = imageOf(needs);
  if (image !== null)
    return none
      ? `waits for a runner that may use the image ${image}: none is connected (RUNNER_IMAGES)`
      : `waits for a free worker with the image ${image}`;
  if (needs === EXTERNAL_AGENT)
    return none
      ? "waits for an external agent: none is connected (fabrica ralph)"
      : "waits for a free external agent";
  return none ? "waits for a worker: none is connected" : "waits for a free worker";
}

function sentenceOf(closure: Closure): string {
  switch (closure.code) {
    case "factory_limit":
      return `waits because ${jobs(closure.limit)} at once, the factory's limit, are being worked on`;
    case "team_limit":
      return `waits because ${jobs(closure.limit)} at once, the team's limit, are being worked on`;
    case "lane_limit":
      return `waits because ${jobs(closure.limit)} at once, the limit of the lane "${closure.lane}", are being worked on`;
    case "day_budget":
      return `waits until tomorrow (UTC): today's budget of the team, $${closure.limit}, is spent`;
    case "day_agent_runs":
      return `waits until tomorrow (UTC): the team's ${closure.limit} agent runs of today are used up`;
    case "cooldown":
      return `waits because ${closure.limit} s must pass between the starts of two jobs`;
  }
}

const jobs = (count: number) => (count === 1 ? "1 job" : `${count} jobs`);
