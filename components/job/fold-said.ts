// The part of the fold that shows what people say to a job: what waits, with the turn that read each message, and what
// they decided about its plan. A message stands in one place: among what waits, or as a row.
import type { JobState } from "@/server/domain/job-state";
import { takesMessages } from "@/server/domain/messages";
import type { SaidRow } from "./feed-row";
import type { OpenLog } from "./log-model";
import { dropRow, type EventOf, note, put } from "./rows";

const keyOf = (message: string) => `said-${message}`;

export function foldSent(log: OpenLog, event: EventOf<"steer.sent">): void {
  const { message, author, text } = event.data;
  const said = { author, text, about: null, state: "waiting", reader: null } as const;
  log.waiting.push({ kind: "said", key: keyOf(message), at: event.at, ...said });
}

/** What was read stands before the answer of the turn that read it. */
export function foldRead(log: OpenLog, event: EventOf<"steer.delivered">): void {
  const { messages, agent_run, turn } = event.data;
  const keys = new Set(messages.map(keyOf));
  const reader = { run: event.run, agentRun: agent_run, turn };
  for (const row of log.waiting) if (keys.has(row.key)) put(log, { ...row, state: "read", reader });
  log.waiting = log.waiting.filter((row) => !keys.has(row.key));
}

/** A retry takes along what the run before had not read. */
export function foldCarried(log: OpenLog, event: EventOf<"steer.carried">): void {
  for (const message of event.data.messages) {
    const place = log.places.get(keyOf(message));
    const row = place === undefined ? undefined : log.rows[place];
    if (row?.kind !== "said" || row.state !== "unread") continue;
    dropRow(log, row.key);
    log.waiting.push({ ...row, state: "waiting" });
  }
}

export function foldDecided(log: OpenLog, event: EventOf<"plan.decided">): void {
  const { version, decision, actor, remarks, edited } = event.data;
  const author = actor.replace(/^person:/, "");
  if (decision === "approved") {
    note(log, event, `${author} approved the plan${edited ? " with edits" : ""}`);
    return;
  }
  const about = `asked for changes to version ${version} of the plan`;
  const row = { author, text: remarks ?? "", about, state: "read", reader: null } as const;
  put(log, { kind: "said", key: `decided-${event.seq}`, at: event.at, ...row });
}

/** A run that is over reads nothing more; what is completed is never begun again. */
export function foldUnread(log: OpenLog, to: JobState): void {
  if (takesMessages(to)) return;
  const state: SaidRow["state"] = to === "completed" ? "missed" : "unread";
  for (const row of log.waiting.splice(0)) put(log, { ...row, state });
}
