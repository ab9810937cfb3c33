// What the factory says to an agent between its turns, and when it stops it: one nudge, then the end; one question back
// about a result that cannot be read, then a fresh beginning, then the end. Reads nothing but stored turns, so that a
// step that died before it could say so says the same again.
import { GiveUp, Stuck } from "../domain/step-outcome";
import { env } from "../env";
import type { AgentRun, Job, Turn } from "../generated/prisma/client";
import { leasedMs } from "../services/jobs/active-job";
import { answerOf, BEGAN_AFRESH, resultsOf, type StoredPrompt, sinceFresh } from "./history";
import { wasUnreadable } from "./read-finish";
import { stuckReason } from "./stuck";

const CUT_OFF =
  "Your answer reached its limit of tokens and was cut off; a call that was not complete was not made. Go on in smaller pieces.";
const STUCK = "You seem to be stuck";
const NO_TOOL = "Use a tool. When everything is done, call finish.";
const TIME_IS_UP =
  "The time for this job is nearly used up. Bring what you have into a working state and call finish now.";
const FEW_TURNS = "You have hardly any turns left. Finish what works and call finish.";
/** Results that cannot be read, after which an agent begins afresh; and once more, after which it ends. */
const UNREADABLE = 2;

export interface Nudge {
  text: string;
  reason: string;
}

/** @param turns all of the agent run, with what came of the last one, which may not be stored yet */
export function nudgeFor(job: Job, agentRun: AgentRun, turns: readonly Turn[]): Nudge | null {
  const recent = sinceFresh(turns);
  if (recent.length === turns.length && unreadableIn(agentRun, recent)) {
    return { reason: "its result could not be read; it begins afresh", text: BEGAN_AFRESH };
  }
  const past = recent.map((turn) => ({ calls: answerOf(turn).calls, results: resultsOf(turn) }));
  const reason = stuckReason(past);
  if (reason) return { reason, text: `${STUCK}: ${reason}. Look at the cause and try something else.` };
  if (leasedMs(job) > env().JOB_SOFT_TIMEOUT * 1000)
    return { reason: "the job's time is nearly used up", text: TIME_IS_UP };
  const { maxTurns } = agentRun.prompt as unknown as StoredPrompt;
  if (turns.length >= maxTurns - 2) return { reason: "few turns left", text: FEW_TURNS };
  if (answerOf(turns.at(-1) as Turn).stop === "max_tokens")
    return { reason: "the answer was cut off", text: CUT_OFF };
  if (past.at(-1)?.calls.length === 0) return { reason: "no tool was used", text: NO_TOOL };
  return null;
}

const unreadableIn = (agentRun: AgentRun, turns: readonly Turn[]) =>
  turns.filter((turn) => wasUnreadable(agentRun, turn)).length >= UNREADABLE;

/** @throws GiveUp, Stuck when an agent run must not go on */
export function refuseEndless(agentRun: AgentRun, turns: readonly Turn[]): void {
  const recent = sinceFresh(turns);
  const last = turns.at(-1);
  if (recent.length < turns.length && unreadableIn(agentRun, recent)) {
    throw new GiveUp(
      "unreadable_result",
      `The ${agentRun.role} handed in nothing that could be read, also after it had begun afresh: ${lastReason(recent)}`,
    );
  }
  const warned = recent.filter((turn) => turn.nudge?.startsWith(STUCK));
  if (warned.length > 1 && warned.at(-1) === last) {
    const reason = last?.nudge?.slice(STUCK.length + 2).split(". Look")[0];
    throw new Stuck(`The ${agentRun.role} is stuck: ${reason}.`);
  }
  const { maxTurns } = agentRun.prompt as unknown as StoredPrompt;
  if (turns.length >= maxTurns)
    throw new Stuck(`The ${agentRun.role} did not finish within ${maxTurns} turns.`);
}

function lastReason(turns: readonly Turn[]): string {
  const wrong = turns.flatMap((turn) => resultsOf(turn)).findLast(({ isError }) => isError);
  return (wrong?.content ?? "it called no tool").slice(0, 500);
}
