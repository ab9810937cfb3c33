// The first half of a turn: one model call under a reservation, its answer stored before anything acts on it.
import type { Db } from "../db";
import { AppError } from "../domain/errors";
import { GiveUp, NotYet } from "../domain/step-outcome";
import { env } from "../env";
import { appendEvents } from "../events/append";
import type { AgentRun, Job, Turn } from "../generated/prisma/client";
import { answerLimit, providerOf } from "../models/choose-model";
import { type ModelAnswer, ModelError, type ProviderName } from "../models/port";
import { costMicro, priceOf } from "../models/prices";
import { pauseForBudget, pauseForQuota } from "../services/jobs/pause-itself";
import { redact, redactAll } from "../services/redact";
import { type ReserveSpend, reserveSpend } from "../services/spend/reserve-spend";
import { settleSpend } from "../services/spend/settle-spend";
import { questionOf, roomOf, type StoredPrompt } from "./history";
import type { AgentRole } from "./roles/roles";
import { steeringFor } from "./steering";
import { storeAnswer } from "./store-answer";

const NO_USAGE = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
/** How often a call is tried before the job gives up, and the first pause, doubled each time. */
const MAX_TRIES = 4;
const FIRST_PAUSE_MS = 2_000;
const MAX_PAUSE_MS = 60_000;
const TOO_SMALL =
  "The model's context window has no room for the role's instructions and the job. Choose another model, or raise CONTEXT_TOKENS.";
/** How long a quota that came back neither at once nor by its own word is waited for. */
const QUOTA_PAUSE_MS = 10 * 60_000;

/**
 * Calls under way in this process, by the key of their turn. An engine that was killed asks again for a step whose first
 * call still runs here: both get the one answer, which is paid once.
 */
const underWay = new Map<string, Promise<Turn>>();

/**
 * Asks the model for turn `n` and stores its answer.
 * @param turns the finished turns before it
 * @throws NotYet (`later` on a passing fault or while others hold the budget, `paused` at the cap), GiveUp when it is useless to go on
 */
export function askModel(db: Db, job: Job, agentRun: AgentRun, turns: readonly Turn[]): Promise<Turn> {
  const key = `${job.publicId}/${job.run}/${agentRun.key}/${turns.length + 1}/`;
  const running = underWay.get(key);
  if (running) return running;
  const asking = askOnce(db, job, agentRun, turns, key).finally(() => underWay.delete(key));
  underWay.set(key, asking);
  return asking;
}

async function askOnce(
  db: Db,
  job: Job,
  agentRun: AgentRun,
  turns: readonly Turn[],
  prefix: string,
): Promise<Turn> {
  const n = turns.length + 1;
  const role = agentRun.role as AgentRole;
  const prompt = agentRun.prompt as unknown as StoredPrompt;
  const price = priceOf(agentRun.provider as ProviderName, agentRun.model);
  const timeoutMs = env().WORKER_TIMEOUT * 1000;
  const steering = await steeringFor(db, job, agentRun, n);
  const question = questionOf(prompt, turns, steering, roomOf(agentRun));
  if (!question.fits) throw new GiveUp("context_too_small", TOO_SMALL);
  const call = {
    job,
    role,
    provider: agentRun.provider,
    model: agentRun.model,
    price,
    inputTokens: question.inputTokens,
    maxTokens: answerLimit(agentRun.provider as ProviderName, agentRun.model),
    timeoutMs,
  };
  const reserved = await reserve(db, call, prefix, () =>
    db.turn.findUnique({ where: { agentRunId_n: { agentRunId: agentRun.id, n } } }),
  );
  if ("answered" in reserved) return reserved.answered;
  const { key, tries, maxTokens } = reserved;
  const began = Date.now();
  let answer: ModelAnswer;
  try {
    answer = await providerOf(agentRun.provider as ProviderName).ask({
      model: agentRun.model,
      role,
      about: { agentRun: agentRun.key, turn: n },
      system: prompt.system,
      messages: question.messages,
      tools: prompt.tools,
      maxTokens,
      forceTool: prompt.forceTool,
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    throw await settleFault(db, job, agentRun, key, tries, error);
  }
  const cost = BigInt(costMicro(price, answer.usage));
  return storeAnswer(db, {
    job,
    agentRun,
    n,
    key,
    answer: cleanAnswer(answer),
    modelMs: Date.now() - began,
    cost,
    steering: steering.filter((message) => message.turn === n).map(({ id }) => id),
  });
}

/** Without secrets. What must be sent back unchanged and would not be is left out. */
function cleanAnswer(answer: ModelAnswer): ModelAnswer {
  const { raw, ...clean } = redactAll(answer);
  return JSON.stringify(raw) === JSON.stringify(answer.raw) && raw ? { ...clean, raw } : clean;
}

/**
 * Reserves the money for one try of a call; tries are numbered, and each is paid by itself.
 * @param stored looks for the answer of an earlier try, which may have come after the caller looked
 * @throws NotYet while others hold the budget, or at the cap, where the job is paused
 */
async function reserve(
  db: Db,
  call: Omit<ReserveSpend, "key">,
  prefix: string,
  stored: () => Promise<Turn | null>,
): Promise<{ key: string; tries: number; maxTokens: number } | { answered: Turn }> {
  for (let tries = 1; ; tries++) {
    const key = `${prefix}${tries}`;
    const reservation = await reserveSpend(db, { ...call, key });
    if (reservation.allowed) return { key, tries, maxTokens: reservation.maxTokens };
    if (reservation.why === "known") {
      const answered = await stored();
      if (answered) return { answered };
      continue;
    }
    if (reservation.why === "waits") throw new NotYet({ kind: "later", ms: 5_000 });
    const { message } = reservation;
    throw await pauseWith(db.$transaction((tx) => pauseForBudget(tx, call.job, message)));
  }
}

/** Settles what a failed call may have cost, logs it, and says how to go on. */
async function settleFault(
  db: Db,
  job: Job,
  agentRun: AgentRun,
  key: string,
  tries: number,
  error: unknown,
): Promise<Error> {
  const fault = error instanceof ModelError ? error : new ModelError("network", String(error));
  const price = priceOf(agentRun.provider as ProviderName, agentRun.model);
  const free = fault.fault === "quota" || fault.fault === "overloaded" || fault.fault === "invalid";
  const retryMs = fault.retryAfterMs ?? waitAfter(fault, tries);
  await db.$transaction(async (tx) => {
    const { usage } = fault;
    if (usage && Object.values(usage).some((tokens) => tokens > 0)) {
      await settleSpend(tx, { key, usage, costMicro: BigInt(costMicro(price, usage)), as: "settled" });
    } else if (usage || free) {
      await settleSpend(tx, { key, usage: NO_USAGE, costMicro: 0n, as: "released" });
    } else {
      // Nobody knows whether the provider charged for it, so the cap counts it in full.
      const spend = await tx.spend.findUniqueOrThrow({ where: { key } });
      await settleSpend(tx, { key, usage: NO_USAGE, costMicro: spend.reservedMicro, as: "estimated" });
    }
    await appendEvents(tx, job.id, [
      {
        type: "model.waiting",
        data: { fault: fault.fault, message: redact(fault.message), retry_in_ms: retryMs },
      },
    ]);
  });
  if (fault.fault === "invalid")
    return new GiveUp("model_refused", `The model refused the request: ${redact(fault.message)}`);
  if (fault.fault !== "quota" && tries >= MAX_TRIES) {
    return new GiveUp(
      "model_unavailable",
      `The model gave no answer in ${tries} tries: ${redact(fault.message)}`,
    );
  }
  if (retryMs <= MAX_PAUSE_MS) return new NotYet({ kind: "later", ms: retryMs });
  // Too long to hold a lease and a sandbox for (invariant 7).
  const message = `The model can be asked again later: ${redact(fault.message)}`;
  return pauseWith(db.$transaction((tx) => pauseForQuota(tx, job, retryMs, message)));
}

/** How long to wait when the provider does not say it, in milliseconds: a quota does not come back within seconds. */
function waitAfter({ fault }: ModelError, tries: number): number {
  const patient = FIRST_PAUSE_MS * 2 ** (tries - 1);
  if (fault === "quota" && tries >= MAX_TRIES) return QUOTA_PAUSE_MS;
  return Math.min(MAX_PAUSE_MS, patient);
}

/** What a job waits for while it holds nothing. It may have been stopped meanwhile, which the next look will tell. */
async function pauseWith(pause: Promise<unknown>): Promise<NotYet> {
  try {
    await pause;
  } catch (error) {
    if (!(error instanceof AppError && error.code === "conflict")) throw error;
  }
  return new NotYet({ kind: "paused" });
}
