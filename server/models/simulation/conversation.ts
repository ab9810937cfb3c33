// Reads what a request says: the blocks of the first user message, and what happened since. The simulation has
// no memory of its own; everything it knows stands in the messages.
import { z } from "zod";
import { type Message, ModelError, type ToolCall, type ToolResult } from "../port";

const jobBlock = z.object({
  title: z.string(),
  description: z.string().default(""),
  features: z.array(z.string()).default([]),
  stack: z.array(z.string()).default([]),
  toolchains: z.array(z.enum(["python", "node"])).default([]),
  context: z.string().nullable().default(null),
});
const taskBlock = z.object({ n: z.number().int().min(1), of: z.number().int(), title: z.string() });
const attemptBlock = z.object({ n: z.number().int(), max: z.number().int() });

export type Job = z.infer<typeof jobBlock>;

/** A call of an earlier answer together with its result (null when none came). */
export interface PastCall {
  call: ToolCall;
  result: ToolResult | null;
}

export interface Conversation {
  job: Job | null;
  jobText: string;
  spec: string | null;
  task: z.infer<typeof taskBlock> | null;
  files: string[] | null;
  failure: string | null;
  attempt: z.infer<typeof attemptBlock> | null;
  /** The latest message of a person, or null. */
  steering: string | null;
  /** Number of answers given so far. */
  turns: number;
  past: PastCall[];
}

/** @throws ModelError `invalid` when a block that holds JSON cannot be read */
export function readConversation(messages: readonly Message[]): Conversation {
  const first = messages.find((message) => message.role === "user");
  const text = first?.role === "user" ? first.text : "";
  const jobText = block(text, "job");
  return {
    job: jobText === null ? null : parse(jobBlock, jobText, "job"),
    jobText: jobText ?? text,
    spec: block(text, "spec"),
    task: parseOptional(taskBlock, block(text, "task"), "task"),
    files:
      block(text, "files")
        ?.split("\n")
        .map((line) => line.trim())
        .filter(Boolean) ?? null,
    failure: block(text, "failure"),
    attempt: parseOptional(attemptBlock, block(text, "attempt"), "attempt"),
    steering: latestSteering(messages),
    turns: messages.filter((message) => message.role === "assistant").length,
    past: pastCalls(messages),
  };
}

/** Content between `<name>` and the last `</name>` of a message, or null. */
function block(text: string, name: string): string | null {
  const open = new RegExp(`^<${name}>`, "m").exec(text);
  if (!open) return null;
  const from = open.index + open[0].length;
  const rest = text.slice(from);
  const close = new RegExp(`</${name}>[ \\t]*$`, "m").exec(rest);
  return (close ? rest.slice(0, close.index) : rest).trim();
}

function parse<T>(schema: z.ZodType<T>, text: string, name: string): T {
  try {
    return schema.parse(JSON.parse(text));
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    throw new ModelError("invalid", `The <${name}> block cannot be read: ${reason}`);
  }
}

function parseOptional<T>(schema: z.ZodType<T>, text: string | null, name: string): T | null {
  return text === null ? null : parse(schema, text, name);
}

function latestSteering(messages: readonly Message[]): string | null {
  for (const message of [...messages].reverse()) {
    const said = message.role === "user" ? block(message.text, "steering") : null;
    if (said) return said;
  }
  return null;
}

function pastCalls(messages: readonly Message[]): PastCall[] {
  const results = new Map<string, ToolResult>();
  for (const message of messages) {
    if (message.role === "user")
      for (const result of message.results ?? []) results.set(result.callId, result);
  }
  return messages.flatMap((message) =>
    message.role === "assistant"
      ? message.calls.map((call) => ({ call, result: results.get(call.id) ?? null }))
      : [],
  );
}
