// The second half of a turn: its tool calls become commands, the commands' results observations. Everything is found
// by key, so the whole may be run again from the top at any point (invariant 3).
import type { CommandSpec, ExecSpec } from "../../runner/protocol";
import type { Db } from "../db";
import type { AgentRun, Command, Job, Turn } from "../generated/prisma/client";
import type { ToolCall, ToolResult } from "../models/port";
import { awaitCommands, resultOf } from "../services/commands/await-commands";
import { commandId, enqueueCommands } from "../services/commands/enqueue-command";
import { resultNote } from "../services/commands/finish-command";
import { answerOf } from "./history";
import { clip, commandOf, isToolName, readCommand, TOOL_INPUTS, writeCommand } from "./tools";

const SNAPSHOT_TIMEOUT_MS = 60_000;

/** The sandbox under the turn was lost: its calls begin again on the restored tree. */
export class SandboxLost extends Error {}

export interface Acted {
  results: ToolResult[];
  /** Commit and tree after the calls; null when nothing could have changed. */
  snapshot: { commit: string; tree: string } | null;
}

/**
 * Carries out the tool calls of a turn, except `finish`, in their order.
 * @throws NotYet while a command runs; SandboxLost when the lease changed under it
 */
export async function carryOut(db: Db, job: Job, agentRun: AgentRun, turn: Turn): Promise<Acted> {
  const calls = answerOf(turn).calls.filter((call) => call.name !== "finish");
  const hands = new Hands(db, job, `${agentRun.key}/t${turn.n}/a${turn.attempt}`);
  const pending: (ToolResult | { call: ToolCall; id: string })[] = [];
  for (const [index, call] of calls.entries()) pending.push(await begin(hands, call, index));
  const snapshot = hands.mayHaveChanged
    ? hands.enqueue("snapshot", {
        kind: "snapshot",
        message: snapshotMessage(job, agentRun, turn),
        timeout_ms: SNAPSHOT_TIMEOUT_MS,
      })
    : null;
  const rows = await hands.await(snapshot ? [...hands.ids, snapshot] : hands.ids);
  const results = pending.map((entry) =>
    "callId" in entry ? entry : observation(entry.call, rows.get(entry.id) as Command),
  );
  if (!snapshot) return { results, snapshot: null };
  const taken = resultOf(rows.get(snapshot) as Command);
  if (taken.snapshot) return { results, snapshot: taken.snapshot };
  const refusal = `The workspace cannot be kept as it is: ${taken.failure ?? taken.stderr}. Mend this first.`;
  return {
    results: results.map((r) => ({ ...r, isError: true, content: `${r.content}\n${refusal}` })),
    snapshot: null,
  };
}

/** Queues commands of one attempt and remembers them. They are written together, before somebody waits for them. */
class Hands {
  readonly ids: string[] = [];
  private unwritten: { key: string; spec: CommandSpec }[] = [];
  mayHaveChanged = false;

  constructor(
    private readonly db: Db,
    private readonly job: Job,
    private readonly prefix: string,
  ) {}

  enqueue(name: string, spec: CommandSpec): string {
    const key = `${this.prefix}/${name}`;
    this.unwritten.push({ key, spec });
    return commandId(this.job.publicId, this.job.run, key);
  }

  add(name: string, spec: ExecSpec): string {
    const id = this.enqueue(name, spec);
    this.ids.push(id);
    return id;
  }

  async await(ids: readonly string[]): Promise<Map<string, Command>> {
    const commands = this.unwritten;
    this.unwritten = [];
    if (commands.length > 0) {
      await this.db.$transaction((tx) => enqueueCommands(tx, { job: this.job, commands, pinned: true }));
    }
    if (ids.length === 0) return new Map();
    const rows = await awaitCommands(this.db, ids);
    if (rows.some((row) => row.state === "lost" || row.fence !== this.job.fence)) throw new SandboxLost();
    return new Map(rows.map((row) => [row.id, row]));
  }
}

async function begin(
  hands: Hands,
  call: ToolCall,
  index: number,
): Promise<ToolResult | { call: ToolCall; id: string }> {
  if (!isToolName(call.name)) return refused(call, `There is no tool "${call.name}".`);
  const parsed = TOOL_INPUTS[call.name].safeParse(call.input);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    return refused(
      call,
      `${call.name}: ${issue?.path.join(".") || "input"}: ${issue?.message ?? "is wrong"}`,
    );
  }
  if (call.name === "edit") return edit(hands, call, index);
  if (call.name !== "read" && call.name !== "search") hands.mayHaveChanged = true;
  return { call, id: hands.add(`c${index}`, commandOf(call.name, call.input)) };
}

/** An edit reads the file first, so that the model learns exactly why it cannot be made. */
async function edit(
  hands: Hands,
  call: ToolCall,
  index: number,
): Promise<ToolResult | { call: ToolCall; id: string }> {
  const { path, old, new: replacement } = TOOL_INPUTS.edit.parse(call.input);
  const id = hands.add(`c${index}-read`, readCommand(path));
  const rows = await hands.await(hands.ids);
  const read = resultOf(rows.get(id) as Command);
  if (read.exit_code !== 0) return refused(call, `${path} cannot be read: ${clip(read.stderr, 500)}`);
  const at = read.stdout.indexOf(old);
  if (at < 0) return refused(call, `old does not occur in ${path}; read the file again.`);
  if (read.stdout.indexOf(old, at + 1) >= 0)
    return refused(call, `old occurs more than once in ${path}; give more of it.`);
  const changed = read.stdout.slice(0, at) + replacement + read.stdout.slice(at + old.length);
  hands.mayHaveChanged = true;
  return { call, id: hands.add(`c${index}`, writeCommand(path, changed)) };
}

function refused(call: ToolCall, content: string): ToolResult {
  return { callId: call.id, content, isError: true };
}

function observation(call: ToolCall, row: Command): ToolResult {
  const result = resultOf(row);
  const note = resultNote(result);
  const output = [result.stdout, result.stderr].filter(Boolean).join("\n");
  const failed = result.exit_code !== 0 || result.failure !== null;
  const content = (() => {
    switch (call.name) {
      case "run":
        return `exit code ${result.exit_code ?? `none (${result.signal})`}${note ? ` (${note})` : ""}\n${clip(output)}`;
      case "read":
        return failed ? clip(output, 500) : clip(numbered(result.stdout, TOOL_INPUTS.read.parse(call.input)));
      case "search":
        return result.exit_code === 1 ? "nothing found" : clip(output);
      default:
        return failed ? `could not be written: ${note ?? clip(output, 500)}` : "written";
    }
  })();
  const isError = call.name === "search" ? (result.exit_code ?? 2) > 1 : failed && call.name !== "run";
  return { callId: call.id, content, isError };
}

/** Lines with their numbers, as `cat -n` prints them. */
function numbered(text: string, { start = 1, end }: { start?: number; end?: number }): string {
  const lines = text.split("\n");
  if (lines.at(-1) === "") lines.pop();
  return lines
    .slice(start - 1, end)
    .map((line, i) => `${String(start + i).padStart(6)}\t${line}`)
    .join("\n");
}

function snapshotMessage(job: Job, agentRun: AgentRun, turn: Turn): string {
  return `${agentRun.key}: turn ${turn.n}\n\n${job.publicId} run ${job.run}`;
}
