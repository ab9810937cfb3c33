// The part of the fold that makes the rows of the Live tab and collects command output.

import { formatDuration, formatUsd } from "@/components/ui/format";
import { STATE_LOOK } from "@/components/ui/job-state";
import type { JobEvent, JobEvents, JobEventType } from "@/server/domain/events";
import { isSettled } from "@/server/domain/job-state";
import type { CallRow, FeedRow } from "./feed-row";
import type { OpenLog } from "./job-log";

type EventOf<T extends JobEventType> = Extract<JobEvent, { type: T }>;
type Fold<T extends JobEventType> = (log: OpenLog, event: EventOf<T>) => void;

function put(log: OpenLog, row: FeedRow): void {
  log.places.set(row.key, log.rows.length);
  log.rows.push(row);
}

/** Replaces the row with this key and kind by a changed one. */
function change<K extends FeedRow["kind"]>(
  log: OpenLog,
  key: string,
  kind: K,
  edit: (row: Extract<FeedRow, { kind: K }>) => Partial<Extract<FeedRow, { kind: K }>>,
): boolean {
  const place = log.places.get(key);
  const row = place === undefined ? undefined : log.rows[place];
  if (place === undefined || row?.kind !== kind) return false;
  const found = row as Extract<FeedRow, { kind: K }>;
  log.rows[place] = { ...found, ...edit(found) };
  return true;
}

function note(log: OpenLog, event: JobEvent, text: string, tone: "plain" | "warn" = "plain"): void {
  put(log, { kind: "note", key: `note-${event.seq}`, at: event.at, tone, text });
}

/** The oldest call of this turn and tool that has no result yet. */
function openCall(log: OpenLog, data: JobEvents["agent.observed"]): CallRow | undefined {
  const prefix = `call-${data.agent_run}-${data.turn}-`;
  let found: CallRow | undefined;
  for (let i = log.rows.length - 1; i >= 0; i--) {
    const row = log.rows[i];
    if (row?.kind === "agent" && row.key === `agent-${data.agent_run}`) break;
    if (row?.kind === "call" && row.key.startsWith(prefix) && row.tool === data.tool && row.ok === undefined)
      found = row;
  }
  return found;
}

/** A call that runs a program shows its output; the program's own row is dropped. */
function adoptCommand(log: OpenLog, commandId: string): void {
  const place = log.places.get(`command-${commandId}`);
  if (place === undefined) return;
  log.rows.splice(place, 1);
  log.places.clear();
  for (const [at, row] of log.rows.entries()) log.places.set(row.key, at);
}

/** Nobody will finish what was under way: calls and programs without an end get one. */
function dropOpen(log: OpenLog, at: string): void {
  for (const [place, row] of log.rows.entries()) {
    if (row.kind === "call" && row.ok === undefined && row.endedAt === null)
      log.rows[place] = { ...row, endedAt: at };
    if (row.kind === "agent" && row.endedAt === null) log.rows[place] = { ...row, endedAt: at };
  }
  for (const command of log.commands.values()) {
    if (command.exitCode === undefined && !command.droppedAt)
      log.commands.set(command.id, { ...command, droppedAt: at });
  }
}

const nothing = () => undefined;

const FOLD: { [T in JobEventType]: Fold<T> } = {
  "job.created": nothing,
  "job.moved": (log, event) => {
    const { to, reason } = event.data;
    if (isSettled(to)) dropOpen(log, event.at);
    const text = reason ? `${STATE_LOOK[to].label}: ${reason}` : STATE_LOOK[to].label;
    put(log, { kind: "move", key: `move-${event.seq}`, at: event.at, to, text });
  },
  "job.step": (log, event) => {
    const { step, task, iteration } = event.data;
    put(log, { kind: "step", key: `step-${event.seq}`, at: event.at, step, task, iteration });
  },
  "job.priority": (log, event) => note(log, event, `Priority set to ${event.data.priority}`),
  "job.budget": (log, event) => note(log, event, `Budget set to $${event.data.budget_usd}`),
  "lease.claimed": (log, event) => note(log, event, `${event.data.worker_id} took the job`),
  "lease.lost": (log, event) => {
    dropOpen(log, event.at);
    note(log, event, `${event.data.worker_id} lost the job: ${event.data.reason}`, "warn");
  },
  "plan.written": (log, event) => note(log, event, `Plan written: ${event.data.tasks.length} tasks`),
  "task.done": (log, event) => note(log, event, `Task ${event.data.n} done`),
  "agent.started": (log, event) => {
    const { agent_run, role, provider, model, task } = event.data;
    put(log, {
      kind: "agent",
      key: `agent-${agent_run}`,
      at: event.at,
      role,
      model: `${provider}/${model}`,
      task,
      ok: undefined,
      turns: 0,
      costUsd: null,
      endedAt: null,
    });
  },
  "agent.text": (log, event) => {
    const { agent_run, turn, text } = event.data;
    const key = `text-${agent_run}-${turn}`;
    if (change(log, key, "text", (row) => ({ text: row.text + text }))) return;
    put(log, { kind: "text", key, at: event.at, text });
  },
  "agent.call": (log, event) => {
    const { agent_run, turn, tool, title, command_id } = event.data;
    if (command_id) adoptCommand(log, command_id);
    put(log, {
      kind: "call",
      key: `call-${agent_run}-${turn}-${event.seq}`,
      at: event.at,
      tool,
      title,
      commandId: command_id,
      ok: undefined,
      observed: null,
      endedAt: null,
    });
  },
  "agent.observed": (log, event) => {
    const call = openCall(log, event.data);
    if (!call) return;
    change(log, call.key, "call", () => ({
      ok: event.data.ok,
      observed: event.data.text,
      endedAt: event.at,
    }));
  },
  "agent.nudged": (log, event) => note(log, event, `The agent was reminded: ${event.data.reason}`, "warn"),
  "agent.finished": (log, event) => {
    const { agent_run, ok, summary, turns, cost_usd } = event.data;
    change(log, `agent-${agent_run}`, "agent", () => ({
      ok,
      turns,
      costUsd: cost_usd,
      endedAt: event.at,
    }));
    if (summary) put(log, { kind: "summary", key: `summary-${event.seq}`, at: event.at, ok, text: summary });
  },
  "command.started": (log, event) => {
    const { command_id, title } = event.data;
    const known = log.commands.get(command_id);
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
    const called = log.rows.some((row) => row.kind === "call" && row.commandId === command_id);
    if (known || called) return;
    put(log, { kind: "command", key: `command-${command_id}`, at: event.at, commandId: command_id });
  },
  "command.output": (log, event) => {
    const { command_id, stream, text } = event.data;
    const command = log.commands.get(command_id);
    if (command) log.commands.set(command_id, { ...command, output: [...command.output, { stream, text }] });
  },
  "command.finished": (log, event) => {
    const { command_id, exit_code, duration_ms, note: remark } = event.data;
    const command = log.commands.get(command_id);
    if (!command) return;
    log.commands.set(command_id, { ...command, exitCode: exit_code, durationMs: duration_ms, note: remark });
  },
  "check.finished": (log, event) => {
    const { kind, passed, summary } = event.data;
    put(log, { kind: "check", key: `check-${event.seq}`, at: event.at, check: kind, passed, summary });
  },
  "heal.logged": (log, event) => {
    const { n, max, failing, root_cause, files_changed, result } = event.data;
    put(log, {
      kind: "heal",
      key: `heal-${event.seq}`,
      at: event.at,
      n,
      max,
      failing,
      rootCause: root_cause,
      files: files_changed,
      result,
    });
  },
  "spend.settled": nothing,
  "spend.alert": (log, event) =>
    note(
      log,
      event,
      `Cost reached ${formatUsd(event.data.total_usd)}, above the alert at ${formatUsd(event.data.threshold_usd)}`,
      "warn",
    ),
  "model.waiting": (log, event) =>
    note(
      log,
      event,
      `The model cannot answer now (${event.data.message}); asking again in ${formatDuration(event.data.retry_in_ms / 1000)}`,
      "warn",
    ),
  "workspace.committed": (log, event) => {
    const { message, files, added, removed } = event.data;
    note(log, event, `Committed “${message}”: ${files} files, +${added} −${removed}`);
  },
  "delivery.done": (log, event) =>
    note(log, event, event.data.path ? `Delivered to ${event.data.path}` : `Delivered: ${event.data.target}`),
  "job.note": (log, event) => note(log, event, event.data.text),
};

/** Writes what one event adds to the rows. A type that this page does not know yet adds nothing. */
export function foldFeed(log: OpenLog, event: JobEvent): void {
  (FOLD[event.type] as Fold<JobEventType> | undefined)?.(log, event);
}
