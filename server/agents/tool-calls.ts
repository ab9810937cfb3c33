// The second half of a turn: its tool calls become commands, the commands' results observations. Everything is found
// by key, so the whole may be run again from the top at any point (invariant 3).
import type { z } from "zod";
import type { CommandResult, CommandSpec, ExecSpec } from "../../runner/protocol";
import type { Db } from "../db";
import type { AgentRun, Command, Job, Turn } from "../generated/prisma/client";
import type { ToolCall, ToolResult } from "../models/port";
import { awaitCommands, resultOf } from "../services/commands/await-commands";
import { commandId, enqueueCommands } from "../services/commands/enqueue-command";
import { resultNote } from "../services/commands/result-note";
import { REDACTED } from "../services/redact";
import { jobRepository } from "../services/workspace/job-repository";
import { diffStat, type FileChange } from "../workspaces/diff";
import { shownPath } from "../workspaces/refusal";
import { CI_REFUSAL, isCiFile } from "./ci-files";
import { readInput } from "./coerce-input";
import { answerOf, type StoredPrompt } from "./history";
import { readObservation } from "./look-commands";
import { inOneSandbox } from "./one-sandbox";
import { replaceOnce } from "./replace-once";
import {
  clip,
  commandOf,
  isToolName,
  OBSERVATION_CHARS,
  readCommand,
  TOOL_INPUTS,
  type ToolName,
  writeCommand,
} from "./tools";

const SNAPSHOT_TIMEOUT_MS = 60_000;

/** Tools after which nothing can have changed. */
const LOOKING: ReadonlySet<ToolName> = new Set(["read", "search", "tree"]);

/** How many sandboxes a turn may lose under one lease; a program that kills its own must not be run for ever. */
const MAX_LOST_SANDBOXES = 3;
const WAS_LOST =
  "The sandbox was lost while the calls of this answer ran: what the earlier ones had changed may be gone. Look before you go on.";

/** The sandbox under the turn was lost: its calls begin again on the restored tree. */
export class SandboxLost extends Error {
  constructor(
    /** It died under its lease, which nothing but the worker's count of sandboxes tells. */
    readonly sameLease = false,
  ) {
    super("the sandbox was lost");
  }
}

export interface Acted {
  results: ToolResult[];
  /** Commit and tree after the calls with what they changed; null when nothing could have changed or was kept. */
  snapshot: Snapshot | null;
}

export interface Snapshot {
  commit: string;
  tree: string;
  changes: FileChange[];
}

/**
 * Carries out the tool calls of a turn, except `finish`, in their order.
 * @throws NotYet while a command runs; SandboxLost when the lease changed under it
 */
export async function carryOut(db: Db, job: Job, agentRun: AgentRun, turn: Turn): Promise<Acted> {
  const calls = answerOf(turn).calls.filter((call) => call.name !== "finish");
  const prompt = agentRun.prompt as unknown as StoredPrompt;
  const prefix = `${agentRun.key}/t${turn.n}/a${turn.attempt}`;
  const hands = new Hands(db, job, prefix, turn.attempt, prompt.ignored ?? []);
  const offered = prompt.tools.map((tool) => tool.name);
  const pending: (ToolResult | { call: ToolCall; id: string })[] = [];
  for (const [index, call] of calls.entries()) {
    const known = offered.includes(call.name) && isToolName(call.name);
    pending.push(known ? await begin(hands, call, index) : refused(call, `There is no tool "${call.name}".`));
  }
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
  const kept = await changesOf(job, rows.get(snapshot) as Command);
  const refusal = kept ? ciRefusal(kept.changes) : failureOf(rows.get(snapshot) as Command);
  if (refusal !== null) {
    const told = `The workspace cannot be kept as it is: ${refusal.replace(/\.$/, "")}. Mend this first.`;
    return { results: allWrong(results, told), snapshot: null };
  }
  return { results: hands.lost ? allWrong(results, WAS_LOST) : results, snapshot: kept };
}

const allWrong = (results: readonly ToolResult[], told: string): ToolResult[] =>
  results.map((result) => ({
    ...result,
    isError: true,
    content: `${clip(result.content, OBSERVATION_CHARS - told.length - 1)}\n${told}`,
  }));

function failureOf(row: Command): string {
  const { failure, stderr } = resultOf(row);
  return failure ?? (stderr || "no commit came of it");
}

/** What a snapshot came to, by the commit that we made ourselves of its bundle; null when there is none. */
async function changesOf(
  job: Job,
  { madeCommit: commit, madeTree: tree }: Command,
): Promise<Snapshot | null> {
  if (commit === null || tree === null) return null;
  const unchanged = commit === job.headCommit;
  const changes = unchanged ? [] : await diffStat(jobRepository(job.publicId), job.headCommit, commit);
  return { commit, tree, changes };
}

/** A program in the sandbox can write what the tools refuse, so what came of it is looked at as well. */
function ciRefusal(changes: FileChange[]): string | null {
  const file = changes.find(({ path, status }) => status !== "deleted" && isCiFile(path));
  return file ? `${CI_REFUSAL}, so ${shownPath(file.path)} must not be there` : null;
}

/** Queues commands of one attempt and remembers them. They are written together, before somebody waits for them. */
class Hands {
  readonly ids: string[] = [];
  private unwritten: { key: string; spec: CommandSpec }[] = [];
  mayHaveChanged = false;
  /** A sandbox was lost in the middle, and it is not tried again. */
  lost = false;

  constructor(
    private readonly db: Db,
    private readonly job: Job,
    private readonly prefix: string,
    private readonly attempt: number,
    /** What searches and outlines leave out, as the project says. */
    readonly ignored: readonly string[],
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
      await enqueueCommands(this.db, { job: this.job, commands, pinned: true });
    }
    if (ids.length === 0) return new Map();
    const rows = await awaitCommands(this.db, ids);
    if (rows.some((row) => row.state === "lost" || row.fence !== this.job.fence)) throw new SandboxLost();
    this.lost = this.mayHaveChanged && !inOneSandbox(rows);
    if (this.lost && this.attempt + 1 < MAX_LOST_SANDBOXES) throw new SandboxLost(true);
    return new Map(rows.map((row) => [row.id, row]));
  }
}

async function begin(
  hands: Hands,
  call: ToolCall,
  index: number,
): Promise<ToolResult | { call: ToolCall; id: string }> {
  const name = call.name as ToolName;
  const schema: z.ZodType = TOOL_INPUTS[name];
  const read = call.unreadable ? { wrong: call.unreadable } : readInput(schema, call.input);
  if ("wrong" in read) return refused(call, `${name}: ${read.wrong}. Nothing was done.`);
  const made = { ...call, input: read.input };
  if (name === "edit") return edit(hands, made, index);
  if (!LOOKING.has(name)) hands.mayHaveChanged = true;
  return { call: made, id: hands.add(`c${index}`, commandOf(name, made.input, hands.ignored)) };
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
  if (read.exit_code !== 0)
    return refused(call, `${path} cannot be read: ${clip(read.failure ?? read.stderr, 500)}`);
  if (!isWhole(read))
    return refused(
      call,
      `${path} cannot be edited in place: it is very large, or holds bytes or credentials that are not shown here. Use run or write.`,
    );
  const edited = replaceOnce(read.stdout, old, replacement);
  if ("wrong" in edited) return refused(call, `${path}: ${edited.wrong}`);
  hands.mayHaveChanged = true;
  return { call, id: hands.add(`c${index}`, writeCommand(path, edited.text)) };
}

/** Whether what was read is the file to the letter; otherwise writing it back would damage the rest of it. */
function isWhole({ capped, stdout }: CommandResult): boolean {
  return !capped && !stdout.includes(REDACTED) && !/[\ufffd␀]/.test(stdout);
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
        return ranAs(
          `exit code ${result.exit_code ?? `none (${result.signal})`}${note ? ` (${note})` : ""}`,
          output,
        );
      case "read":
        return failed ? clip(output, 500) : clip(linesRead(call, result));
      case "search":
        return result.exit_code === 1 ? "nothing found" : clip(output);
      case "tree":
        return clip(output);
      default:
        return failed ? `could not be written: ${note ?? clip(output, 500)}` : "written";
    }
  })();
  const isError = call.name === "search" ? (result.exit_code ?? 2) > 1 : failed && call.name !== "run";
  return { callId: call.id, content, isError };
}

/** What is said first counts, too: together they are no longer than any other observation. */
const ranAs = (head: string, output: string) => {
  const said = clip(head, 1_000);
  return `${said}\n${clip(output, OBSERVATION_CHARS - said.length - 1)}`;
};

function linesRead(call: ToolCall, { stdout, stderr }: CommandResult): string {
  return readObservation(TOOL_INPUTS.read.parse(call.input).start ?? 1, stdout, stderr);
}

function snapshotMessage(job: Job, agentRun: AgentRun, turn: Turn): string {
  return `${agentRun.key}: turn ${turn.n}\n\n${job.publicId} run ${job.run}`;
}
