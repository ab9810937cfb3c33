// Reads what a request says: the blocks of the first user message, and what happened since. The simulation has
// no memory of its own; everything it knows stands in the messages.
import { z } from "zod";
import { type Message, ModelError, type ToolCall, type ToolResult } from "../port";

const jobBlock = z.object({
  kind: z.string().optional(),
  /** Folder of the project inside the repository. */
  folder: z.string().optional(),
  title: z.string(),
  description: z.string().default(""),
  features: z.array(z.string()).default([]),
  stack: z.array(z.string()).default([]),
  toolchains: z.array(z.enum(["python", "node"])).default([]),
  context: z.string().nullable().default(null),
});
const taskBlock = z.object({ n: z.number().int().min(1), of: z.number().int(), title: z.string() });
const targetsBlock = z.array(z.object({ target: z.string() }));
const attemptBlock = z.object({ n: z.number().int(), max: z.number().int() });

export type Job = z.infer<typeof jobBlock>;

/** Whether the work is on a repository that was there before. */
export const isChange = (job: Job): boolean => job.kind === "change";

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
  /** What a debugger found; the whole change; how much of the tests is to be held back; how many ways are wanted. */
  findings: string | null;
  diff: string | null;
  hold: string | null;
  approaches: string | null;
  /** For which deploy bundles are wanted. */
  targets: string[];
  /** A plan of the planner's that was sent back, and what people said of it. */
  remarks: string | null;
  /** What people said for this very turn, in the order in which they said it. */
  steering: string[];
  /** Number of answers given so far. */
  turns: number;
  past: PastCall[];
}

/** @throws ModelError `invalid` when a block that holds JSON cannot be read */
export function readConversation(messages: readonly Message[]): Conversation {
  const first = messages.find((message) => message.role === "user");
  const text = first?.role === "user" ? first.text : "";
  const blocks = blocksOf(text);
  const block = (name: string) => blocks.get(name) ?? null;
  const jobText = block("job");
  return {
    job: jobText === null ? null : parse(jobBlock, jobText, "job"),
    jobText: jobText ?? text,
    spec: block("spec"),
    task: parseOptional(taskBlock, block("task"), "task"),
    files:
      block("files")
        ?.split("\n")
        .map((line) => line.trim())
        .filter(Boolean) ?? null,
    failure: block("failure"),
    attempt: parseOptional(attemptBlock, block("attempt"), "attempt"),
    findings: block("findings"),
    diff: block("diff"),
    hold: block("hold"),
    approaches: block("approaches"),
    targets: (parseOptional(targetsBlock, block("targets"), "targets") ?? []).map(({ target }) => target),
    remarks: block("remarks"),
    steering: saidNow(messages),
    turns: messages.filter((message) => message.role === "assistant").length,
    past: pastCalls(messages),
  };
}

/**
 * The blocks that stand one after another at the start of lines. Closing tags inside a block's text are defused by
 * whoever writes it, so the first one ends the block, and tags inside another block's text are never read.
 */
function blocksOf(text: string): Map<string, string> {
  const blocks = new Map<string, string>();
  for (const [name, content] of allBlocks(text)) if (!blocks.has(name)) blocks.set(name, content);
  return blocks;
}

function allBlocks(text: string): [name: string, content: string][] {
  const blocks: [string, string][] = [];
  const opening = /^<([a-z]+)>/gm;
  for (let open = opening.exec(text); open; open = opening.exec(text)) {
    const name = open[1]!;
    const end = text.indexOf(`</${name}>`, opening.lastIndex);
    const until = end < 0 ? text.length : end;
    blocks.push([name, text.slice(opening.lastIndex, until).trim()]);
    opening.lastIndex = until;
  }
  return blocks;
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

function saidNow(messages: readonly Message[]): string[] {
  const last = messages.at(-1);
  if (last?.role !== "user") return [];
  return allBlocks(last.text)
    .filter(([name, said]) => name === "steering" && said !== "")
    .map(([, said]) => said);
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
