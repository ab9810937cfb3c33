// Step (a) and the reading half of step (b) of invariant 6: insert or find, watch for a few seconds, then hand over
// to an event. The row is the truth, the event a wake-up.
import type { CommandResult } from "../../../runner/protocol";
import type { Db } from "../../db";
import { Ended, NotYet } from "../../domain/step-outcome";
import { waitFor } from "../../events/wait-for";
import type { Command, CommandState } from "../../generated/prisma/client";
import { FINISHED_CHANNEL } from "./report-commands";

/** How long a step watches before it hands over to an event, in milliseconds. */
export const WATCH_MS = 5_000;

/**
 * Waits for commands that were enqueued.
 * @returns their rows in the same order; every one is `finished` or `lost`
 * @throws NotYet on the first that is neither within WATCH_MS; it will send `command/finished`
 */
export async function awaitCommands(db: Db, ids: readonly string[]): Promise<Command[]> {
  const { attempt, wants } = untilAllAreDone(db, ids);
  const done = await waitFor(FINISHED_CHANNEL, attempt, { waitMs: WATCH_MS, wants });
  if (done) return ids.map((id) => done.find((row) => row.id === id) as Command);
  // Marked under the row's lock: either the end is seen here, or the end sees the mark.
  const last = await db.$queryRaw<{ id: string }[]>`
    UPDATE command SET awaited = true WHERE id = ANY(${[...ids]}::text[]) AND state NOT IN ('finished', 'lost')
    RETURNING id`;
  const open = [...ids].reverse().find((id) => last.some((row) => row.id === id));
  if (open) throw new NotYet({ kind: "command", command: open });
  return awaitCommands(db, ids);
}

function isOver(state: CommandState): boolean {
  return state === "finished" || state === "lost";
}

/** Looks again only when the last of them was announced: rows of commands are large, and there may be many. */
function untilAllAreDone(db: Db, ids: readonly string[]) {
  const done = new Set<string>();
  const allDone = () => ids.every((id) => done.has(id));
  return {
    async attempt(): Promise<Command[] | null> {
      const where = { id: { in: [...ids] } };
      if (!allDone()) {
        const rows = await db.command.findMany({ where, select: { id: true, state: true } });
        if (rows.length < ids.length) throw new Ended(); // The job was removed.
        for (const { id, state } of rows) if (isOver(state)) done.add(id);
      }
      // What was announced after this look began counts as well.
      if (!allDone()) return null;
      const rows = await db.command.findMany({ where });
      if (rows.length < ids.length) throw new Ended();
      return rows.every(({ state }) => isOver(state)) ? rows : null;
    },
    wants(payload: string): boolean {
      if (!ids.includes(payload)) return false;
      done.add(payload);
      return allDone();
    },
  };
}

/** The result of a finished command. */
export function resultOf(command: Command): CommandResult {
  return command.result as unknown as CommandResult;
}
