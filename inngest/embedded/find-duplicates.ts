/**
 * Recognises events that were sent before: the same sender's id within 24 hours is the same event.
 */
import type pg from "pg";
import type { EngineEvent } from "./engine-state";

const WINDOW_MS = 24 * 60 * 60 * 1000;

/** Tells which events are new, also against requests that are being handled at this moment. */
export class Duplicates {
  private readonly claimed = new Map<string, string>();

  constructor(private readonly reader: pg.Pool) {}

  /**
   * Splits events into new ones and the ids to answer with, in order. Call `release` after the commit.
   */
  async sift(
    events: EngineEvent[],
    nowMs: number,
  ): Promise<{ fresh: EngineEvent[]; ids: string[]; release(): void }> {
    const keys = events.flatMap(({ dedupe }) => (dedupe ? [dedupe] : []));
    const known = new Map<string, string>();
    if (keys.length) {
      const { rows } = await this.reader.query<{ dedupe: string; id: string }>({
        name: "engine_duplicates",
        text: "SELECT dedupe, id FROM engine.event WHERE dedupe = ANY($1) AND received_at > $2",
        values: [keys, nowMs - WINDOW_MS],
      });
      for (const { dedupe, id } of rows) known.set(dedupe, id);
    }
    const fresh: EngineEvent[] = [];
    const mine: string[] = [];
    const ids = events.map((event) => {
      const earlier = event.dedupe && (known.get(event.dedupe) ?? this.claimed.get(event.dedupe));
      if (earlier) return earlier;
      if (event.dedupe) {
        this.claimed.set(event.dedupe, event.id);
        mine.push(event.dedupe);
      }
      fresh.push(event);
      return event.id;
    });
    const release = () => {
      for (const key of mine) this.claimed.delete(key);
    };
    return { fresh, ids, release };
  }
}
