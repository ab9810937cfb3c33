// Writing to the rows of an open log. A changed row is a new object, so that only what changed is drawn again.
import type { JobEvent, JobEvents, JobEventType } from "@/server/domain/events";
import type { CallRow, FeedRow } from "./feed-row";
import type { OpenLog } from "./log-model";

export type EventOf<T extends JobEventType> = Extract<JobEvent, { type: T }>;

/** Adds a row at the end. */
export function put(log: OpenLog, row: FeedRow): void {
  log.places.set(row.key, log.rows.length);
  log.rows.push(row);
}

/** Replaces the row with this key and kind by a changed one; false when there is none. */
export function change<K extends FeedRow["kind"]>(
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

/** Takes a row out. */
export function dropRow(log: OpenLog, key: string): void {
  const place = log.places.get(key);
  if (place === undefined) return;
  log.rows.splice(place, 1);
  log.places.clear();
  for (const [at, row] of log.rows.entries()) log.places.set(row.key, at);
}

/** Adds a sentence. */
export function note(log: OpenLog, event: JobEvent, text: string, tone: "plain" | "warn" = "plain"): void {
  put(log, { kind: "note", key: `note-${event.seq}`, at: event.at, tone, text });
}

/** The calls of the agent that works now, newest first; none when no agent works. */
export function callsOfActiveAgent(log: OpenLog): CallRow[] {
  const calls: CallRow[] = [];
  for (let i = log.rows.length - 1; i >= 0; i--) {
    const row = log.rows[i];
    if (row?.kind === "call") calls.push(row);
    if (row?.kind === "agent") return row.endedAt === null ? calls : [];
  }
  return [];
}

/** Whether an agent works now. */
export function hasActiveAgent(log: OpenLog): boolean {
  return log.rows.findLast((row) => row.kind === "agent")?.endedAt === null;
}

/** The oldest call of this turn that has no result yet and that the result names by its tool or its title. */
export function openCall(log: OpenLog, data: JobEvents["agent.observed"]): CallRow | undefined {
  const prefix = `call-${data.agent_run}-${data.turn}-`;
  return callsOfActiveAgent(log).findLast(
    (row) =>
      row.ok === undefined &&
      row.key.startsWith(prefix) &&
      (row.tool === data.tool || row.title === data.tool),
  );
}
