// The part of the fold that follows programs: their output and their ends, and which row shows them.
import type { OpenLog, Output } from "./log-model";
import { callsOfActiveAgent, change, type EventOf, hasActiveAgent, put } from "./rows";

/** Chunks are joined up to this size, in characters, so that a long output does not become a long list. */
const JOINED = 64_000;

/** The call of the working agent that this program carries out, by its id or by the text of the call. */
function callOf(log: OpenLog, commandId: string, title: string): string | null {
  const calls = callsOfActiveAgent(log);
  const wanted = plain(title);
  const found =
    calls.find((call) => call.commandId === commandId) ??
    calls.findLast(
      (call) =>
        call.tool === "run" && call.ok === undefined && !call.commandId && isSame(plain(call.title), wanted),
    );
  return found?.key ?? null;
}

/** Titles may carry the tool's name and may be cut at their end. */
function plain(title: string): string {
  return title.replace(/^run /, "").replace(/\s+/g, " ").replace(/…$/, "").trim();
}

function isSame(a: string, b: string): boolean {
  return a !== "" && b !== "" && (a.startsWith(b) || b.startsWith(a));
}

/** What an agent's tools run behind a call, such as writing a file, has no row: the call is the row. */
export function startCommand(log: OpenLog, event: EventOf<"command.started">): void {
  const { command_id, title } = event.data;
  const call = callOf(log, command_id, title);
  if (call) change(log, call, "call", () => ({ commandId: command_id }));
  const again = log.commands.has(command_id);
  log.commands.set(command_id, {
    id: command_id,
    title,
    startedAt: event.at,
    output: [],
    exitCode: undefined,
    durationMs: null,
    droppedAt: null,
    note: null,
  });
  if (again || call || hasActiveAgent(log)) return;
  put(log, { kind: "command", key: `command-${command_id}`, at: event.at, commandId: command_id });
}

export function addOutput(log: OpenLog, event: EventOf<"command.output">): void {
  const { command_id, stream, text } = event.data;
  const command = log.commands.get(command_id);
  if (!command) return;
  log.commands.set(command_id, { ...command, output: append(command.output, { stream, text }) });
}

function append(output: readonly Output[], next: Output): Output[] {
  const last = output.at(-1);
  if (last?.stream !== next.stream || last.text.length > JOINED) return [...output, next];
  return [...output.slice(0, -1), { stream: next.stream, text: last.text + next.text }];
}

export function finishCommand(log: OpenLog, event: EventOf<"command.finished">): void {
  const { command_id, exit_code, duration_ms, note } = event.data;
  const command = log.commands.get(command_id);
  if (!command) return;
  log.commands.set(command_id, { ...command, exitCode: exit_code, durationMs: duration_ms, note });
}

/** Nobody will finish what was under way: agents, calls and programs without an end get one. */
export function dropOpen(log: OpenLog, at: string): void {
  for (const [place, row] of log.rows.entries()) {
    const open =
      (row.kind === "call" && row.ok === undefined && row.endedAt === null) ||
      (row.kind === "agent" && row.endedAt === null);
    if (open) log.rows[place] = { ...row, endedAt: at };
  }
  for (const command of log.commands.values()) {
    if (command.exitCode !== undefined || command.droppedAt) continue;
    log.commands.set(command.id, { ...command, droppedAt: at });
  }
}
