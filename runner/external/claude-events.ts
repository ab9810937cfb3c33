// What Claude Code prints (`--output-format stream-json`), as events of the contract. Its own text may hold lines of the
// contract as well, which is how the model itself tells of locks, learnings and being stuck. Unknown kinds say nothing.
import { z } from "zod";
import { beginningOf } from "../excerpt";
import type { ExternalEvent } from "../protocol";
import { parseEvent, type ReadLine } from "./agent-events";

const TEXT_CHARS = 8_000;
const CALL_CHARS = 300;

const block = z.looseObject({
  type: z.string(),
  text: z.string().optional(),
  name: z.string().optional(),
  input: z.record(z.string(), z.unknown()).optional(),
});
const message = z.looseObject({
  type: z.string(),
  subtype: z.string().optional(),
  model: z.string().optional(),
  message: z.looseObject({ content: z.array(block).optional() }).optional(),
  is_error: z.boolean().optional(),
  result: z.string().optional(),
  total_cost_usd: z.number().nonnegative().optional(),
  usage: z
    .looseObject({
      input_tokens: z.number().optional(),
      output_tokens: z.number().optional(),
      cache_read_input_tokens: z.number().optional(),
      cache_creation_input_tokens: z.number().optional(),
    })
    .optional(),
});
type Message = z.infer<typeof message>;

/** Reads one line of Claude Code. */
export const readClaude: ReadLine = (text) => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return null;
  }
  const own = parseEvent(text);
  if (own) return [own];
  const parsed = message.safeParse(value);
  if (!parsed.success) return null;
  const { type, subtype } = parsed.data;
  if (type === "system" && subtype === "init") return [{ type: "started", agent: nameOf(parsed.data) }];
  if (type === "assistant") return (parsed.data.message?.content ?? []).flatMap(eventsOfBlock);
  if (type === "result") return eventsOfResult(parsed.data);
  return [];
};

const nameOf = ({ model }: Message) => beginningOf(`Claude Code${model ? ` (${model})` : ""}`, 200);

function eventsOfBlock({ type, text, name, input }: z.infer<typeof block>): ExternalEvent[] {
  if (type === "tool_use") {
    const about =
      input?.command ?? input?.file_path ?? input?.path ?? input?.pattern ?? input?.description ?? "";
    return [{ type: "said", text: beginningOf(`${name ?? "tool"}: ${String(about)}`, CALL_CHARS) }];
  }
  if (type !== "text" || !text) return [];
  const events: ExternalEvent[] = [];
  const rest: string[] = [];
  for (const line of text.split("\n")) {
    const event = line.trim().startsWith("{") ? parseEvent(line.trim()) : null;
    if (event) events.push(event);
    else rest.push(line);
  }
  const said = rest.join("\n").trim();
  return said === "" ? events : [{ type: "said", text: beginningOf(said, TEXT_CHARS) }, ...events];
}

function eventsOfResult({
  is_error: isError,
  result,
  usage,
  total_cost_usd: cost = 0,
  subtype,
}: Message): ExternalEvent[] {
  const tokens = [
    usage?.input_tokens,
    usage?.output_tokens,
    usage?.cache_read_input_tokens,
    usage?.cache_creation_input_tokens,
  ].reduce<number>((sum, count) => sum + Math.max(0, count ?? 0), 0);
  const counted: ExternalEvent = { type: "usage", tokens, cost };
  if (!isError) return [counted];
  return [
    counted,
    { type: "failed", reason: beginningOf(result || subtype || "Claude Code ended with an error", 2_000) },
  ];
}
