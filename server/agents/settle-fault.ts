// A call that gave no answer: what it may have cost is settled, and it is decided how the agent run goes on.
import type { Db, Tx } from "../db";
import { AppError } from "../domain/errors";
import { GiveUp, NotYet } from "../domain/step-outcome";
import { appendEvents } from "../events/append";
import type { AgentRun, Job } from "../generated/prisma/client";
import { choiceName } from "../models/choose-model";
import { ModelError } from "../models/port";
import { costMicro, type Price } from "../models/prices";
import { pauseForQuota } from "../services/jobs/pause-itself";
import { redact } from "../services/redact";
import { settleSpend } from "../services/spend/settle-spend";
import { type AfterFault, afterFault } from "./after-fault";
import { otherModel, switchBack, switchModel } from "./switch-model";

const NO_USAGE = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
/** What comes at once comes in a step of its own all the same: none outlives one model call. */
const AT_ONCE_MS = 200;

export interface FailedCall {
  job: Job;
  agentRun: AgentRun;
  /** The turn that it was for. */
  n: number;
  /** Key of its reservation. */
  key: string;
  /** The price under which it was reserved. */
  price: Price;
}

/**
 * Settles what a failed call may have cost, says so, and lets another model stand in or the job pause where that is due.
 * @returns what the step is to throw: NotYet (`later` or `paused`), or GiveUp when it is useless to go on
 */
export async function settleFault(db: Db, call: FailedCall, error: unknown): Promise<Error> {
  const { job, agentRun, n } = call;
  const fault = error instanceof ModelError ? error : new ModelError("network", String(error));
  const reason = redact(fault.message);
  const next = await db.$transaction(async (tx) => {
    await settleCall(tx, call, fault);
    const other = otherModel(job, agentRun);
    const tried = { ...(await triesOf(tx, call)), hasOther: other !== null };
    const after = afterFault(fault, { ...tried, standsIn: agentRun.switchedFrom !== null });
    if (after.do === "switch" && other) await switchModel(tx, agentRun, n, other, reason);
    else {
      const retry_in_ms = "ms" in after ? after.ms : 0;
      const data = { agent_run: agentRun.key, turn: n, fault: fault.fault, message: reason, retry_in_ms };
      await appendEvents(tx, job.id, [{ type: "model.waiting", data }]);
    }
    return { ...after, tries: tried.allTries };
  });
  return throwable(db, call, next, reason);
}

async function throwable(
  db: Db,
  { job, agentRun }: FailedCall,
  next: AfterFault & { tries: number },
  reason: string,
): Promise<Error> {
  switch (next.do) {
    case "again":
      return new NotYet({ kind: "later", ms: next.ms });
    case "switch":
      return new NotYet({ kind: "later", ms: AT_ONCE_MS });
    case "give_up":
      return next.code === "model_refused"
        ? new GiveUp(next.code, `The model refused the request: ${reason}`)
        : new GiveUp(next.code, `The model gave no answer in ${next.tries} tries: ${reason}`);
    case "pause": {
      const both = next.back ? `${agentRun.switchedFrom} and ${choiceName(agentRun)} are away. ` : "";
      const message = `${both}The model can be asked again later: ${reason}`;
      return pauseWith(
        db.$transaction(async (tx) => {
          await pauseForQuota(tx, job, next.ms, message);
          if (next.back) await switchBack(tx, agentRun);
        }),
      );
    }
  }
}

async function settleCall(tx: Tx, { key, price }: FailedCall, { fault, usage }: ModelError): Promise<void> {
  const free = fault === "quota" || fault === "overloaded" || fault === "invalid";
  if (usage && Object.values(usage).some((tokens) => tokens > 0)) {
    await settleSpend(tx, { key, usage, costMicro: BigInt(costMicro(price, usage)), as: "settled" });
  } else if (usage || free) {
    await settleSpend(tx, { key, usage: NO_USAGE, costMicro: 0n, as: "released" });
  } else {
    // Nobody knows whether the provider charged for it, so the cap counts it in full.
    const spend = await tx.spend.findUniqueOrThrow({ where: { key } });
    await settleSpend(tx, { key, usage: NO_USAGE, costMicro: spend.reservedMicro, as: "estimated" });
  }
}

/** How often this model, and all of them, were asked for this turn. */
async function triesOf(
  tx: Tx,
  { job, agentRun, n }: FailedCall,
): Promise<{ tries: number; allTries: number }> {
  const { provider, model, key } = agentRun;
  const turn = { jobId: job.id, run: job.run, agentRun: key, turn: n };
  const [tries, allTries] = await Promise.all([
    tx.spend.count({ where: { ...turn, provider, model } }),
    tx.spend.count({ where: turn }),
  ]);
  return { tries, allTries };
}

/** What a job waits for while it holds nothing. It may have been stopped meanwhile, which the next look will tell. */
export async function pauseWith(pause: Promise<unknown>): Promise<NotYet> {
  try {
    await pause;
  } catch (error) {
    if (!(error instanceof AppError && error.code === "conflict")) throw error;
  }
  return new NotYet({ kind: "paused" });
}
