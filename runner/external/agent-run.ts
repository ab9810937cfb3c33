// One iteration: the agent's command as a fresh process in the sandbox, what it says read line by line, and the files by
// which it speaks to whoever comes next.
import { beginningOf, endOf } from "../excerpt";
import type { BriefAnswer, ExternalEvent } from "../protocol";
import { type Door, type ExecOutcome, PATHS, type Sandbox } from "../sandbox/port";
import { EventReader, type ReadLine, readContract } from "./agent-events";
import { readClaude } from "./claude-events";
import type { RalphSettings } from "./env";
import { type Iteration, MESSAGES_FILE, messagesText, promptFor, type Said } from "./prompt";

const READERS: Record<RalphSettings["format"], ReadLine> = { events: readContract, claude: readClaude };
/** What an agent may say in one iteration, in bytes; the rest is dropped and counted. */
const MAX_OUTPUT_BYTES = 256 * 1024 * 1024;
const ERROR_CHARS = 2_000;
const MAX_NOTE_BYTES = 64 * 1024;
const READ_MS = 30_000;

export interface AgentRun {
  sandbox: Sandbox;
  brief: BriefAnswer;
  job: string;
  ralph: RalphSettings;
  iteration: Iteration;
  /** Milliseconds for the whole of it. */
  timeoutMs: number;
  door: Door;
  take(event: ExternalEvent): void;
  /** Stops the agent; its sandbox stays. */
  signal: AbortSignal;
}

/** How an agent's process ended. */
export interface AgentEnd {
  outcome: ExecOutcome;
  /** The end of what it wrote to standard error. */
  errors: string;
}

/** Runs the agent's command once. Throws SandboxError. */
export async function runAgent(run: AgentRun): Promise<AgentEnd> {
  const { sandbox, brief, job, ralph, iteration, door, signal } = run;
  const reader = new EventReader(READERS[ralph.format], run.take);
  let errors = "";
  const outcome = await sandbox.exec({
    argv: [
      "sh",
      "-c",
      `PATH="${PATHS.tools}/bin:${PATHS.tools}/node_modules/.bin:$PATH"; export PATH\n${ralph.command}`,
    ],
    env: environment(brief, job, iteration),
    stdin: Buffer.from(promptFor(brief, iteration), "utf8"),
    timeoutMs: run.timeoutMs,
    maxOutputBytes: MAX_OUTPUT_BYTES,
    network: door,
    signal,
    onOutput: (stream, data) => {
      if (stream === "stdout") reader.write(data);
      else errors = endOf(errors + data.toString("utf8"), ERROR_CHARS);
    },
  });
  reader.end();
  return { outcome, errors: errors.trim() };
}

function environment(brief: BriefAnswer, job: string, { n }: Iteration): Record<string, string> {
  return {
    FABRICA_JOB: job,
    FABRICA_ITERATION: String(n),
    FABRICA_SPEC: brief.spec_file,
    FABRICA_NOTES: brief.notes_folder,
    ...(brief.model && { ANTHROPIC_MODEL: brief.model }),
    // Claude Code: nothing that is no question to the model would get through, and it need not wait for that.
    CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC: "1",
    DISABLE_AUTOUPDATER: "1",
    IS_SANDBOX: "1",
  };
}

/** A note that an agent left in the workspace; empty when there is none. Throws SandboxError. */
export async function readNote(sandbox: Sandbox, path: string): Promise<string> {
  const parts: Buffer[] = [];
  await sandbox.exec({
    argv: ["sh", "-c", '[ -f "$1" ] && [ ! -L "$1" ] && cat -- "$1"', "sh", path],
    timeoutMs: READ_MS,
    maxOutputBytes: MAX_NOTE_BYTES,
    onOutput: (stream, data) => void (stream === "stdout" && parts.push(data)),
  });
  return Buffer.concat(parts).toString("utf8").trim();
}

/**
 * Adds messages to the file of all messages, which is committed with the work, so that later iterations find them. An
 * agent that has put something else in its place has them in its prompt alone. Throws SandboxError.
 */
export async function keepMessages(
  sandbox: Sandbox,
  notes: string,
  messages: readonly Said[],
): Promise<void> {
  if (messages.length === 0) return;
  await sandbox.exec({
    argv: ["sh", "-c", 'mkdir -p -- "$1" && [ ! -L "$1/$2" ] && cat >> "$1/$2"', "sh", notes, MESSAGES_FILE],
    stdin: Buffer.from(messagesText(messages), "utf8"),
    timeoutMs: READ_MS,
    maxOutputBytes: MAX_NOTE_BYTES,
  });
}

/** Lines of `new-learnings.md` as events. */
export function learningsOf(text: string): Extract<ExternalEvent, { type: "learning" }>[] {
  return text.split("\n").flatMap((line) => {
    const item = /^\s*[-*]\s+(?:\*{0,2}([a-z][a-z-]{2,30})\*{0,2}\s*:\s*)?(\S.*)$/i.exec(line);
    const said = item?.[2]?.trim();
    if (!said) return [];
    return [
      { type: "learning" as const, kind: (item?.[1] ?? "").toLowerCase(), text: beginningOf(said, 4_000) },
    ];
  });
}
