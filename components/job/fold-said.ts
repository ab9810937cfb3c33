// The part of the fold that shows what people say to a job: their messages with the turn that read each, and what they
// decided about its plan.
import type { JobState } from "@/server/domain/job-state";
import { takesMessages } from "@/server/domain/messages";
import type { OpenLog } from "./log-model";
import { change, type EventOf, note, put } from "./rows";

export function foldSent(log: OpenLog, event: EventOf<"steer.sent">): void {
  const { message, author, text } = event.data;
  const row = { author, text, about: null, state: "waiting", reader: null } as const;
  put(log, { kind: "said", key: `said-${message}`, at: event.at, ...row });
}

export function foldRead(log: OpenLog, event: EventOf<"steer.delivered">): void {
  const { messages, agent_run, turn } = event.data;
  for (const message of messages)
    change(log, `said-${message}`, "said", () => ({
      state: "read",
      reader: `${agent_run}, turn ${turn}`,
    }));
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

/** A run that is over reads nothing more. */
export function foldUnread(log: OpenLog, to: JobState): void {
  if (takesMessages(to)) return;
  for (const row of log.rows)
    if (row.kind === "said" && row.state === "waiting")
      change(log, row.key, "said", () => ({ state: "unread" }));
}
