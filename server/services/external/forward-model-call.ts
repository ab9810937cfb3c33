// The metered way to a model for external agents: the key stays here, the money is reserved before the provider hears of
// the call (invariant 11) and settled by what passes through. Refusals speak the provider's own language.
import { randomUUID } from "node:crypto";
import type { Db } from "../../db";
import type { AppError } from "../../domain/errors";
import { env } from "../../env";
import type { Job } from "../../generated/prisma/client";
import { AnswerMeter } from "../../models/answer-meter";
import {
  openBetas,
  type Question,
  QuestionRefused,
  readQuestion,
  withLimit,
} from "../../models/anthropic-forward";
import { chargedUnsent } from "../../models/call";
import { costMicro, type Price, priceOf } from "../../models/prices";
import { requireLease } from "../queue/held-lease";
import { reserveSpend } from "../spend/reserve-spend";
import { settleSpend } from "../spend/settle-spend";
import { ModelRefusal, modelError } from "./model-refusal";
import { noteCap } from "./pause-capped";

const NO_USAGE = { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 };
const WAIT_SECONDS = 5;
/** What a provider adds to a prompt of its own, such as how tools are called. */
const OWN_TOKENS = 1_000;
/** What of the provider's answer concerns whoever asked. */
const PASSED_ON = ["content-type", "request-id", "retry-after"];

export interface ModelCall {
  worker: string;
  /** Fence of the lease under which it is asked; null means the one that the worker holds. */
  fence: number | null;
  text: string;
  headers: Headers;
  /** Ends when whoever asked is gone. */
  signal: AbortSignal;
}

/**
 * Asks the provider for an answer and passes it on as it comes.
 * @throws ModelRefusal
 */
export async function forwardMessage(db: Db, call: ModelCall): Promise<Response> {
  const key = keyOfFactory();
  const job = await leasedJob(db, call);
  const question = readOrRefuse(call.text);
  const price = priceOf("anthropic", question.model);
  if (!price.known) {
    throw new ModelRefusal(
      404,
      "not_found_error",
      `model: the price of ${question.model} is not known here, so it cannot be asked.`,
    );
  }
  const reserved = await reserve(db, job, { question, price, bytes: Buffer.byteLength(call.text) });
  const spend = new OpenSpend(db, reserved.key, price, reserved.maxTokens);
  const stop = new AbortController();
  const signal = AbortSignal.any([
    call.signal,
    stop.signal,
    AbortSignal.timeout(env().WORKER_TIMEOUT * 1000),
  ]);
  let answer: Response;
  try {
    answer = await ask("messages", key, call.headers, withLimit(question, reserved.maxTokens), signal);
  } catch (error) {
    await (chargedUnsent(error) ? spend.release() : spend.settle());
    if (call.signal.aborted) throw error;
    throw new ModelRefusal(
      529,
      "overloaded_error",
      "The model's provider could not be reached; try again.",
      WAIT_SECONDS,
    );
  }
  if (!answer.ok || !answer.body) {
    const text = await answer.text().catch(() => "");
    await spend.release();
    return passOn(answer, text);
  }
  if (question.stream) return passOn(answer, metered(answer.body, spend, stop));
  const text = await answer.text().catch(() => null);
  if (text !== null) spend.meter.takeJson(text);
  await spend.settle();
  if (text === null)
    throw new ModelRefusal(
      529,
      "overloaded_error",
      "The model's answer was cut off; try again.",
      WAIT_SECONDS,
    );
  return passOn(answer, text);
}

/**
 * Counts the tokens of a question, which the provider does for nothing.
 * @throws ModelRefusal
 */
export async function countTokens(db: Db, call: ModelCall): Promise<Response> {
  const key = keyOfFactory();
  await leasedJob(db, call);
  const { model, body } = readOrRefuse(call.text, true);
  if (!priceOf("anthropic", model).known)
    throw new ModelRefusal(404, "not_found_error", `model: the price of ${model} is not known here.`);
  const { stream: _, ...counted } = body;
  try {
    const answer = await ask("messages/count_tokens", key, call.headers, counted, call.signal);
    return passOn(answer, await answer.text());
  } catch {
    throw new ModelRefusal(
      529,
      "overloaded_error",
      "The model's provider could not be reached; try again.",
      WAIT_SECONDS,
    );
  }
}

function keyOfFactory(): string {
  const key = env().ANTHROPIC_API_KEY;
  if (key) return key;
  throw new ModelRefusal(
    503,
    "api_error",
    "This factory has no key of a model's provider (ANTHROPIC_API_KEY), so external agents cannot ask one.",
  );
}

/** @throws ModelRefusal unless this worker holds the lease of a job that an external agent is working on */
async function leasedJob(db: Db, { worker, fence }: ModelCall): Promise<Job> {
  const job = await db.job.findFirst({ where: { leaseWorkerId: worker } });
  if (!job) throw new ModelRefusal(410, "permission_error", "The lease is over; stop working on the job.");
  if (fence !== null && job.fence !== fence) {
    await requireLease(db, worker, job.publicId, fence).catch((error: AppError) => {
      throw new ModelRefusal(409, "permission_error", error.message);
    });
  }
  if (job.agent !== "external" || job.state !== "running")
    throw new ModelRefusal(
      409,
      "permission_error",
      `${job.publicId} is not being worked on by an external agent.`,
    );
  return job;
}

function readOrRefuse(text: string, counts = false): Question {
  try {
    return readQuestion(text, counts);
  } catch (error) {
    if (error instanceof QuestionRefused || error instanceof RangeError)
      throw new ModelRefusal(400, "invalid_request_error", error.message);
    throw error;
  }
}

async function reserve(
  db: Db,
  job: Job,
  { question, price, bytes }: { question: Question; price: Price; bytes: number },
): Promise<{ key: string; maxTokens: number }> {
  const key = `${job.publicId}/${job.run}/external/${job.fence}/${randomUUID()}`;
  const reservation = await reserveSpend(db, {
    job,
    key,
    role: "coder",
    provider: "anthropic",
    model: question.model,
    price,
    // A token of text has two bytes at least, by experience with the dearest texts.
    inputTokens: Math.ceil(bytes / 2) + OWN_TOKENS,
    maxTokens: question.maxTokens,
    timeoutMs: env().WORKER_TIMEOUT * 1000,
  });
  if (reservation.allowed) return { key, maxTokens: reservation.maxTokens };
  if (reservation.why !== "cap")
    throw new ModelRefusal(
      429,
      "rate_limit_error",
      "Other calls hold the rest of the budget; try again.",
      WAIT_SECONDS,
    );
  await noteCap(db, job, reservation.message);
  throw new ModelRefusal(
    402,
    "billing_error",
    `${reservation.message} Finish: the work so far is kept, and the job goes on when somebody raises its budget.`,
  );
}

/** One reservation until it is settled, which happens once. */
class OpenSpend {
  readonly meter: AnswerMeter;
  private over: Promise<unknown> | null = null;

  constructor(
    private readonly db: Db,
    private readonly key: string,
    private readonly price: Price,
    maxTokens: number,
  ) {
    this.meter = new AnswerMeter(maxTokens);
  }

  /** By what has passed; in full when nobody knows. */
  settle(): Promise<unknown> {
    this.over ??= this.db.$transaction(async (tx) => {
      const { key, price, meter } = this;
      const usage = meter.charged();
      if (usage) {
        const as = meter.exact ? ("settled" as const) : ("estimated" as const);
        return settleSpend(tx, { key, usage, costMicro: BigInt(costMicro(price, usage)), as });
      }
      const { reservedMicro } = await tx.spend.findUniqueOrThrow({ where: { key } });
      return settleSpend(tx, { key, usage: NO_USAGE, costMicro: reservedMicro, as: "estimated" });
    });
    return this.over;
  }

  /** The provider refused: it costs nothing. */
  release(): Promise<unknown> {
    this.over ??= this.db.$transaction((tx) =>
      settleSpend(tx, { key: this.key, usage: NO_USAGE, costMicro: 0n, as: "released" }),
    );
    return this.over;
  }
}

/** The stream as it comes. Its money is settled before its last piece is passed on, or when it breaks. */
function metered(
  body: ReadableStream<Uint8Array>,
  spend: OpenSpend,
  stop: AbortController,
): ReadableStream<Uint8Array> {
  const reader = body.getReader();
  return new ReadableStream({
    async pull(controller) {
      try {
        const { done, value } = await reader.read();
        if (value) spend.meter.take(value);
        if (done || spend.meter.complete) await spend.settle();
        if (done) controller.close();
        else controller.enqueue(value);
      } catch (error) {
        await spend.settle();
        controller.error(error);
      }
    },
    async cancel() {
      stop.abort();
      await spend.settle();
    },
  });
}

function ask(
  path: "messages" | "messages/count_tokens",
  key: string,
  given: Headers,
  body: Record<string, unknown>,
  signal: AbortSignal,
): Promise<Response> {
  const base = (env().ANTHROPIC_BASE_URL ?? "https://api.anthropic.com").replace(/\/+$/, "");
  const betas = openBetas(given.get("anthropic-beta"));
  const version = given.get("anthropic-version") ?? "";
  return fetch(`${base}/v1/${path}`, {
    method: "POST",
    headers: {
      "x-api-key": key,
      "content-type": "application/json",
      "anthropic-version": /^\d{4}-\d{2}-\d{2}$/.test(version) ? version : "2023-06-01",
      ...(betas.length > 0 && { "anthropic-beta": betas.join(",") }),
    },
    body: JSON.stringify(body),
    redirect: "error",
    signal,
  });
}

function passOn(answer: Response, body: string | ReadableStream<Uint8Array>): Response {
  const headers = PASSED_ON.flatMap((name): [string, string][] => {
    const value = answer.headers.get(name);
    return value === null ? [] : [[name, value]];
  });
  // Who asked cannot mend our key.
  if (answer.status === 401 || answer.status === 403)
    return modelError(
      new ModelRefusal(503, "api_error", "The model's provider does not accept the factory's key."),
    );
  return new Response(body, { status: answer.status, headers });
}
