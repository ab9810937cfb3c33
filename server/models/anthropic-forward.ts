// A question that somebody else's program asks of the Messages API with our key: what may go through, and at which size.
// Invariants: it costs no more than our table of prices says, and it makes the provider open no connection for the
// asker: sandboxes have no network, and must not get one by way of the model. Pure.
import { z } from "zod";

/** The question is refused; the message may be shown to whoever asked. */
export class QuestionRefused extends Error {
  override name = "QuestionRefused";
}

/** A question that may be asked. */
export interface Question {
  model: string;
  /** What the asker wants at most, in tokens. */
  maxTokens: number;
  stream: boolean;
  /** The body without `max_tokens`. */
  body: Record<string, unknown>;
}

/** What is forwarded; everything else is left out. */
const FORWARDED = [
  "model",
  "messages",
  "system",
  "tools",
  "tool_choice",
  "temperature",
  "top_p",
  "top_k",
  "stop_sequences",
  "stream",
  "thinking",
  "metadata",
  "output_config",
  "output_format",
  "context_management",
];
/** What would cost more than the table says, reach other hosts, or use what belongs to the owner of the key. */
const REFUSED: Readonly<Record<string, string>> = {
  mcp_servers: "reaches other hosts",
  container: "runs programs at the provider",
  speed: "costs more than is reckoned with",
  inference_geo: "costs more than is reckoned with",
  service_tier: "costs more than is reckoned with",
};
/** Tools that the asker carries out itself. Any other typed tool is the provider's own and may search the web. */
const OWN_TOOL = /^(custom|(bash|text_editor|computer|memory)_\d+|tool_search_tool_[a-z0-9_]+)$/;
const SOURCES = ["base64", "text", "content"];
const MAX_DEPTH = 64;
const MAX_ANSWER_TOKENS = 1_000_000;

const question = z.looseObject({
  model: z.string().min(1).max(100),
  max_tokens: z.number().int().min(1).max(MAX_ANSWER_TOKENS),
  messages: z.array(z.unknown()).min(1).max(100_000),
  stream: z.boolean().optional(),
  tools: z
    .array(z.looseObject({ type: z.string().nullish() }))
    .max(1_000)
    .optional(),
  context_management: z
    .looseObject({ edits: z.array(z.looseObject({ type: z.string() })).optional() })
    .nullish(),
});

/**
 * Reads a question. Caches are kept for five minutes whatever was asked for, because that is what is reckoned with.
 * @param counts true for a count of tokens, which has no answer
 * @throws QuestionRefused with a plain sentence
 */
export function readQuestion(text: string, counts = false): Question {
  const given = parse(text);
  if (counts) given.max_tokens ??= 1;
  const parsed = question.safeParse(given);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    throw new QuestionRefused(`${issue?.path.join(".") || "body"}: ${issue?.message ?? "is wrong"}`);
  }
  for (const [name, why] of Object.entries(REFUSED)) {
    if (given[name] === undefined || given[name] === null) continue;
    if (name === "service_tier" && given[name] === "standard_only") continue;
    if (name === "service_tier" && given[name] === "auto") continue;
    throw new QuestionRefused(`${name}: not possible here, it ${why}.`);
  }
  const { tools = [], context_management: context, model, stream, max_tokens: maxTokens } = parsed.data;
  const tool = tools.find(({ type }) => type && !OWN_TOOL.test(type));
  if (tool)
    throw new QuestionRefused(
      `tools: ${tool.type} is carried out by the provider, which is not possible here.`,
    );
  const edit = context?.edits?.find(({ type }) => !type.startsWith("clear_"));
  if (edit) throw new QuestionRefused(`context_management: ${edit.type} costs more than is reckoned with.`);
  const body = Object.fromEntries(
    FORWARDED.filter((name) => given[name] !== undefined).map((name) => [name, given[name]]),
  );
  for (const name of ["messages", "system", "tools"]) body[name] = clean(body[name], 0);
  return { model, maxTokens, stream: stream === true, body: JSON.parse(JSON.stringify(body)) };
}

function parse(text: string): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw new QuestionRefused("The body is not JSON.");
  }
  if (typeof value !== "object" || value === null || Array.isArray(value))
    throw new QuestionRefused("The body must be a JSON object.");
  return value as Record<string, unknown>;
}

/** A copy whose caches last five minutes. @throws QuestionRefused for what the provider would have to fetch */
function clean(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new QuestionRefused(`The JSON is nested deeper than ${MAX_DEPTH} levels.`);
  if (Array.isArray(value)) return value.map((item) => clean(item, depth + 1));
  if (typeof value !== "object" || value === null) return value;
  const { source, cache_control: cache, type } = value as Record<string, unknown>;
  if (
    (type === "image" || type === "document") &&
    !SOURCES.includes(String((source as { type?: unknown } | null)?.type))
  )
    throw new QuestionRefused(
      `messages: an ${type} must be sent itself, not as an address or a file of the provider's.`,
    );
  const copy = Object.fromEntries(
    Object.entries(value).map(([name, item]): [string, unknown] => [
      name,
      // Arguments of calls and schemas of tools are data; what they mean is the asker's.
      name === "input" || name === "input_schema" ? depthOf(item, depth) : clean(item, depth + 1),
    ]),
  );
  return cache && typeof cache === "object" ? { ...copy, cache_control: { type: "ephemeral" } } : copy;
}

function depthOf(value: unknown, depth: number): unknown {
  if (depth > MAX_DEPTH) throw new QuestionRefused(`The JSON is nested deeper than ${MAX_DEPTH} levels.`);
  if (typeof value === "object" && value !== null)
    for (const item of Object.values(value)) depthOf(item, depth + 1);
  return value;
}

/**
 * The body with the answer's length that the money buys. Thinking counts against it and must leave room for the answer.
 * @param maxTokens at most what was asked for
 */
export function withLimit({ body }: Question, maxTokens: number): Record<string, unknown> {
  const thinking = body.thinking as { type?: string; budget_tokens?: number } | undefined;
  const limited = { ...body, max_tokens: maxTokens };
  if (thinking?.type !== "enabled" || (thinking.budget_tokens ?? 0) < maxTokens) return limited;
  const { thinking: _, ...without } = limited as Record<string, unknown>;
  const room = Math.floor(maxTokens / 2);
  return room < 1_024 ? without : { ...limited, thinking: { ...thinking, budget_tokens: room } };
}

/** Betas that change what a call costs or whom it reaches. */
const CLOSED_BETA =
  /^(context-1m|fast-mode|mcp-|files-api|code-execution|skills|web-|extended-cache|compact|computer-use-.*cloud)/;

/** @param given the header `anthropic-beta`, names with commas between them @returns those that may go through */
export function openBetas(given: string | null): string[] {
  return (given ?? "")
    .split(",")
    .map((name) => name.trim())
    .filter((name) => /^[a-z0-9][a-z0-9.-]{0,79}$/.test(name) && !CLOSED_BETA.test(name))
    .slice(0, 40);
}
