// The first half of a turn: one model call under a reservation, its answer stored before anything acts on it.
import type { Db } from "../db";
import { GiveUp, NotYet } from "../domain/step-outcome";
import { env } from "../env";
import type { AgentRun, Job, Turn } from "../generated/prisma/client";
import { answerLimit, providerOf } from "../models/choose-model";
import type { ModelAnswer, ProviderName } from "../models/port";
import { costMicro, priceOf } from "../models/prices";
import { pauseForBudget } from "../services/jobs/pause-itself";
import { redactAll } from "../services/redact";
import { type ReserveSpend, reserveSpend } from "../services/spend/reserve-spend";
import { questionOf, roomOf, type StoredPrompt } from "./history";
import type { AgentRole } from "./roles/roles";
import { pauseWith, settleFault } from "./settle-fault";
import { steeringFor } from "./steering";
import { storeAnswer } from "./store-answer";
import { withoutForeign } from "./switch-model";

const TOO_SMALL =
  "The model's context window has no room for the role's instructions and the job. Choose another model, or raise CONTEXT_TOKENS.";

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
  const question = questionOf(prompt, withoutForeign(agentRun, turns), steering, roomOf(agentRun));
  if (!question.fits) throw new GiveUp("context_too_small", TOO_SMALL);
  const call = {
    job,
    agentRun: agentRun.key,
    turn: n,
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
  const { key, maxTokens } = reserved;
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
    throw await settleFault(db, { job, agentRun, n, key, price }, error);
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
): Promise<{ key: string; maxTokens: number } | { answered: Turn }> {
  for (let tries = 1; ; tries++) {
    const key = `${prefix}${tries}`;
    const reservation = await reserveSpend(db, { ...call, key });
    if (reservation.allowed) return { key, maxTokens: reservation.maxTokens };
    if (reservation.why === "known") {
      const answered = await stored();
      if (answered) return { answered };
      continue;
    }
    if (reservation.why === "waits") throw new NotYet({ kind: "later", ms: 5_000 });
    // The next look tells whether it was paused or has ended.
    if (reservation.why === "over") throw new NotYet({ kind: "later", ms: 200 });
    throw await pauseWith(
      db.$transaction((tx) => pauseForBudget(tx, call.job, reservation.message, reservation)),
    );
  }
}
