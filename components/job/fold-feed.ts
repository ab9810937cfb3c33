// The part of the fold that makes the rows of the Live tab.

import { formatCount, formatDuration, formatUsd } from "@/components/ui/format";
import { STATE_LOOK } from "@/components/ui/job-state";
import type { JobEvent, JobEvents, JobEventType } from "@/server/domain/events";
import { isSettled } from "@/server/domain/job-state";
import { deliveryName } from "./delivery-name";
import { addOutput, dropOpen, finishCommand, startCommand } from "./fold-commands";
import { foldCarried, foldDecided, foldRead, foldSent, foldUnread } from "./fold-said";
import { isOfBase } from "./fold-timeline";
import type { OpenLog } from "./log-model";
import { change, dropRow, type EventOf, note, openCall, put } from "./rows";

type Fold<T extends JobEventType> = (log: OpenLog, event: EventOf<T>) => void;

const nothing = () => undefined;

const FOLD: { [T in JobEventType]: Fold<T> } = {
  "job.created": nothing,
  "job.moved": (log, event) => {
    const { to, reason } = event.data;
    if (isSettled(to)) dropOpen(log, event.at);
    foldUnread(log, to);
    const text = reason ? `${STATE_LOOK[to].label}: ${reason}` : STATE_LOOK[to].label;
    put(log, { kind: "move", key: `move-${event.seq}`, at: event.at, to, text });
  },
  "job.step": (log, event) => {
    const { step, task } = event.data;
    // A step may tell of its progress again; that is no new heading.
    const last = log.rows.findLast((row) => row.kind === "step");
    if (last?.step === step && last.task === task) return;
    put(log, { kind: "step", key: `step-${event.seq}`, at: event.at, step, task });
  },
  "job.priority": (log, event) => note(log, event, `Priority set to ${event.data.priority}`),
  "job.budget": (log, event) => note(log, event, `Budget set to ${formatUsd(event.data.budget_usd)}`),
  "lease.claimed": (log, event) => note(log, event, `${event.data.worker_id} took the job`),
  "lease.lost": (log, event) => {
    dropOpen(log, event.at);
    note(log, event, `${event.data.worker_id} let go of the job: ${event.data.reason}`);
  },
  "plan.written": (log, event) =>
    note(log, event, `Plan written: ${formatCount(event.data.tasks.length, "task")}`),
  "plan.decided": foldDecided,
  "steer.sent": foldSent,
  "steer.delivered": foldRead,
  "steer.carried": foldCarried,
  "task.done": (log, event) => note(log, event, `Task ${event.data.n} done`),
  "agent.started": (log, event) => {
    const { agent_run, role, provider, model, task } = event.data;
    put(log, {
      kind: "agent",
      key: `agent-${event.run}-${agent_run}`,
      at: event.at,
      place: { run: event.run, agentRun: agent_run, turn: null },
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
    const key = `text-${event.run}-${agent_run}-${turn}`;
    if (change(log, key, "text", (row) => ({ text: row.text + text }))) return;
    put(log, { kind: "text", key, at: event.at, text });
  },
  "agent.call": (log, event) => {
    const { agent_run, turn, tool, title, command_id } = event.data;
    // What an agent finishes with is its summary, which has a row of its own.
    if (tool === "finish") return;
    if (command_id) dropRow(log, `command-${command_id}`);
    put(log, {
      kind: "call",
      key: `call-${agent_run}-${turn}-${event.seq}`,
      at: event.at,
      place: { run: event.run, agentRun: agent_run, turn },
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
    if (!call) {
      if (!event.data.ok) note(log, event, `${event.data.tool} was refused: ${event.data.text}`, "warn");
      return;
    }
    change(log, call.key, "call", () => ({
      ok: event.data.ok,
      observed: event.data.text,
      endedAt: event.at,
    }));
  },
  "agent.nudged": (log, event) => note(log, event, `The agent was reminded: ${event.data.reason}`, "warn"),
  "agent.finished": (log, event) => {
    const { agent_run, ok, summary, turns, cost_usd } = event.data;
    change(log, `agent-${event.run}-${agent_run}`, "agent", () => ({
      ok,
      turns,
      costUsd: cost_usd,
      endedAt: event.at,
    }));
    if (summary) put(log, { kind: "summary", key: `summary-${event.seq}`, at: event.at, ok, text: summary });
  },
  "command.started": startCommand,
  "command.output": addOutput,
  "command.finished": finishCommand,
  "check.finished": (log, event) => {
    const { kind, passed, summary } = event.data;
    const known = isOfBase(log, kind);
    put(log, { kind: "check", key: `check-${event.seq}`, at: event.at, check: kind, passed, known, summary });
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
  "spend.day_alert": (log, event) => {
    const { spent_usd, cap_usd, percent } = event.data;
    note(
      log,
      event,
      `The team has spent ${formatUsd(spent_usd)} today: ${percent} % of its ${formatUsd(cap_usd)} a day`,
      "warn",
    );
  },
  "budget.reached": (log, event) => note(log, event, budgetSummary(event.data), "warn"),
  "model.fallback": (log, event) =>
    note(log, event, `${event.data.to} stands in for ${event.data.from}: ${event.data.reason}`, "warn"),
  "model.waiting": (log, event) =>
    note(
      log,
      event,
      `The model cannot answer now (${event.data.message}); asking again in ${formatDuration(event.data.retry_in_ms / 1000)}`,
      "warn",
    ),
  "workspace.committed": (log, event) => {
    const { message, files, added, removed } = event.data;
    note(log, event, `Committed “${message}”: ${formatCount(files, "file")}, +${added} −${removed}`);
  },
  // Why is said beside it.
  "workspace.moved": () => {},
  "files.conflict": (log, event) => {
    const { with: other, paths, more } = event.data;
    const names = more > 0 ? `${paths.join(", ")} and ${more} more` : paths.join(", ");
    note(log, event, `${other} works on the same files: ${names}`, "warn");
  },
  "candidate.settled": (log, event) =>
    note(log, event, `Candidate ${event.data.n}: ${STATE_LOOK[event.data.status].label.toLowerCase()}`),
  "candidate.chosen": (log, event) => note(log, event, event.data.why),
  "delivery.done": (log, event) => {
    const { target, path } = event.data;
    note(log, event, `Delivered: ${[deliveryName(target).toLowerCase(), path].filter(Boolean).join(" ")}`);
  },
  "external.started": (log, event) =>
    note(log, event, `The external agent began${event.data.agent ? `: ${event.data.agent}` : ""}`),
  "external.iteration": (log, event) => note(log, event, `External agent: iteration ${event.data.n}`),
  "external.task": (log, event) =>
    note(log, event, `External agent: task ${event.data.id} ${event.data.done ? "done" : "begun"}`),
  "external.lock": (log, event) => note(log, event, `External agent works on ${event.data.files.join(", ")}`),
  "external.learning": (log, event) =>
    note(log, event, `External agent learned (${event.data.kind}): ${event.data.text}`),
  "external.usage": (log, event) => {
    const { tokens, cost } = event.data;
    const price = cost > 0 ? ` and ${formatUsd(cost)}` : "";
    note(log, event, `External agent counts ${formatCount(tokens, "token")}${price}, by its own count`);
  },
  "external.commit": (log, event) => note(log, event, `External agent: commit ${event.data.sha}`),
  "external.said": (log, event) => note(log, event, event.data.text),
  "external.stuck": (log, event) => note(log, event, `External agent is stuck: ${event.data.reason}`, "warn"),
  "external.completed": (log, event) =>
    note(log, event, `External agent says it is done${event.data.summary ? `: ${event.data.summary}` : ""}`),
  "external.failed": (log, event) => note(log, event, `External agent failed: ${event.data.reason}`, "warn"),
  "external.unknown": (log, event) =>
    note(log, event, `External agent: ${event.data.name} ${event.data.data}`),
  "external.invalid": (log, event) =>
    note(
      log,
      event,
      `${formatCount(event.data.count, "line")} of the external agent could not be read, such as: ${event.data.sample}`,
      "warn",
    ),
  "job.note": (log, event) => note(log, event, event.data.text),
};

/** Writes what one event adds to the rows. A type that this page does not know yet adds nothing. */
export function foldFeed(log: OpenLog, event: JobEvent): void {
  (FOLD[event.type] as Fold<JobEventType> | undefined)?.(log, event);
}

/** What is done, what is open and what it cost, when no more can be bought. */
function budgetSummary({
  whose,
  cap_usd,
  spent_usd,
  tasks_done,
  tasks,
  open,
}: JobEvents["budget.reached"]): string {
  const cap = `${whose === "job" ? "The budget" : "The team’s budget of the day"}, ${formatUsd(cap_usd)}, is used up`;
  const done = tasks === 0 ? "Nothing is planned yet" : `${tasks_done} of ${formatCount(tasks, "task")} done`;
  const left = open.length === 0 ? "" : `, open: ${open.join("; ")}`;
  return `${cap}. ${done}${left}. Spent so far: ${formatUsd(spent_usd)}. Everything is committed.`;
}
