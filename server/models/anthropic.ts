// Claude over the Messages API. Asks once, streamed; the caller decides about trying again.
import Anthropic from "@anthropic-ai/sdk";
import { AnswerReader } from "./anthropic-answer";
import { toAnthropic } from "./anthropic-request";
import { boundedFetch, chargedUnsent, checkedAnswer, NOTHING, retryAfterMs, withDeadline } from "./call";
import {
  type ModelAnswer,
  ModelError,
  type ModelFault,
  type ModelProvider,
  type ModelRequest,
  type Usage,
} from "./port";

const CHECK_MS = 5_000;

export interface AnthropicOptions {
  apiKey: string;
  /** Another address that speaks the same protocol; Anthropic's own by default. */
  baseURL?: string;
  /** Milliseconds for a whole call, stream included. */
  timeoutMs: number;
}

/** The provider `anthropic`. Opens nothing before the first call. */
export function createAnthropic(options: AnthropicOptions): ModelProvider {
  const client = new Anthropic({
    apiKey: options.apiKey,
    // Named, so that no variable of the environment and no file of the host has a say.
    authToken: null,
    baseURL: options.baseURL ?? "https://api.anthropic.com",
    maxRetries: 0,
    timeout: options.timeoutMs,
    logLevel: "off",
    fetch: boundedFetch,
  });
  return {
    name: "anthropic",
    ask: (request) =>
      withDeadline(request.signal, options.timeoutMs, (signal) => ask(client, request, signal)),
    check: () => check(client),
  };
}

/** A model that does not accept its own thinking back is asked once more without it; the refusal costs nothing. */
async function ask(client: Anthropic, request: ModelRequest, signal: AbortSignal): Promise<ModelAnswer> {
  try {
    return await askOnce(client, request, signal);
  } catch (error) {
    const thoughts = request.messages.some((message) => message.role === "assistant" && message.raw);
    const refused =
      error instanceof ModelError && error.fault === "invalid" && /thinking/i.test(error.message);
    if (!thoughts || !refused) throw error;
    const messages = request.messages.map((message) =>
      message.role === "assistant" ? { ...message, raw: undefined } : message,
    );
    return askOnce(client, { ...request, messages }, signal);
  }
}

async function askOnce(client: Anthropic, request: ModelRequest, signal: AbortSignal): Promise<ModelAnswer> {
  const reader = new AnswerReader(request.maxTokens, request.onText);
  let begun = false;
  try {
    const stream = await client.messages.create(toAnthropic(request), { signal });
    begun = true;
    for await (const event of stream) reader.take(event);
    return checkedAnswer(reader.answer());
  } catch (error) {
    throw toModelError(error, begun, reader.chargedSoFar());
  }
}

const FAULT_OF_TYPE: Record<string, ModelFault> = {
  rate_limit_error: "quota",
  billing_error: "quota",
  overloaded_error: "overloaded",
  api_error: "overloaded",
  timeout_error: "timeout",
  invalid_request_error: "invalid",
  authentication_error: "invalid",
  permission_error: "invalid",
  not_found_error: "invalid",
  request_too_large: "invalid",
};

function toModelError(error: unknown, begun: boolean, usage: Usage | null): ModelError {
  if (error instanceof ModelError) return error;
  if (error instanceof Anthropic.APIConnectionTimeoutError) {
    return new ModelError("timeout", "The Anthropic API did not answer in time.", null, usage);
  }
  if (error instanceof Anthropic.APIError && (error.status !== undefined || error.type)) {
    const fault = faultOf(error);
    return new ModelError(
      fault,
      sentence(fault, error),
      retryAfterMs(error.headers),
      begun ? usage : refusedUsage(error),
    );
  }
  // Whatever breaks once the answer has begun is a cut or unreadable stream.
  if (begun)
    return new ModelError(
      "malformed",
      "The answer of the Anthropic API was cut off or unreadable.",
      null,
      usage,
    );
  const charged = chargedUnsent(error);
  return new ModelError(
    "network",
    `The Anthropic API could not be reached: ${reasonOf(error)}`,
    null,
    charged,
  );
}

/** A refusal costs nothing; a server that broke while it worked may have charged. */
function refusedUsage({ status }: InstanceType<typeof Anthropic.APIError>): Usage | null {
  const refused =
    status !== undefined && ((status >= 400 && status < 500 && status !== 408) || status === 529);
  return refused ? NOTHING : null;
}

function faultOf(error: InstanceType<typeof Anthropic.APIError>): ModelFault {
  const { status } = error;
  if (status === undefined || status < 400) return FAULT_OF_TYPE[error.type ?? ""] ?? "overloaded";
  if (status === 429 || status === 402) return "quota";
  if (status === 408 || status === 504) return "timeout";
  // A spent balance comes as 400; it is a matter of waiting for a person, not of a wrong request.
  if (status === 400 && /credit balance|usage limit/i.test(error.message)) return "quota";
  if (status === 409 || status >= 500) return "overloaded";
  return "invalid";
}

function sentence(fault: ModelFault, error: InstanceType<typeof Anthropic.APIError>): string {
  const said = (error.apiMessage ?? error.message).slice(0, 500);
  if (error.status === 401) return `The Anthropic API refused the key: ${said}`;
  if (error.status === 403) return `The key may not do this: ${said}`;
  if (error.status === 404) return `The Anthropic API does not know this model or address: ${said}`;
  const because: Record<ModelFault, string> = {
    quota: "The Anthropic API's limit is reached",
    overloaded: "The Anthropic API is overloaded",
    timeout: "The Anthropic API took too long",
    network: "The Anthropic API could not be reached",
    invalid: "The Anthropic API refused the request",
    malformed: "The Anthropic API's answer is unreadable",
  };
  return `${because[fault]}: ${said}`;
}

function reasonOf(error: unknown): string {
  let deepest = error;
  while (deepest instanceof Error && deepest.cause instanceof Error) deepest = deepest.cause;
  if (!(deepest instanceof Error)) return "no reason was given";
  const { code } = deepest as NodeJS.ErrnoException;
  return deepest.message || code || deepest.name;
}

/** Lists one model: needs the key, costs nothing. */
async function check(client: Anthropic): Promise<{ ok: boolean; detail: string }> {
  try {
    await client.models.list({ limit: 1 }, { timeout: CHECK_MS });
    return { ok: true, detail: "The Anthropic API answers and accepts the key." };
  } catch (error) {
    const fault = toModelError(error, false, null);
    // A gateway need not list models; that it answers so is enough.
    if (error instanceof Anthropic.NotFoundError) return { ok: true, detail: "The address answers." };
    return { ok: false, detail: fault.message };
  }
}
