/**
 * Reads runs for people and tests, in the shape of the real server's REST API.
 */
import type pg from "pg";

/** A run as the API shows it. */
export interface RunView {
  run_id: string;
  function_id: string;
  event_id: string;
  status: string;
  run_started_at: string;
  ended_at: string | null;
  output: unknown;
}

interface Record {
  id: string;
  function_id: string;
  event_id: string;
  status: string;
  output: string | null;
  created_at: string;
  ended_at: string | null;
}

const COLUMNS = "id, function_id, event_id, status, output, created_at, ended_at";

function toView(row: Record): RunView {
  const iso = (time: string) => new Date(Number(time)).toISOString();
  return {
    run_id: row.id,
    function_id: row.function_id,
    event_id: row.event_id,
    status: row.status[0]!.toUpperCase() + row.status.slice(1),
    run_started_at: iso(row.created_at),
    ended_at: row.ended_at === null ? null : iso(row.ended_at),
    output: row.output === null ? null : (JSON.parse(row.output) as unknown),
  };
}

/** One run, or undefined. */
export async function findRun(reader: pg.Pool, runId: string): Promise<RunView | undefined> {
  const { rows } = await reader.query<Record>(`SELECT ${COLUMNS} FROM engine.run WHERE id = $1`, [runId]);
  return rows[0] && toView(rows[0]);
}

/** The runs an event started. */
export async function findEventRuns(reader: pg.Pool, eventId: string): Promise<RunView[]> {
  const { rows } = await reader.query<Record>(
    `SELECT ${COLUMNS} FROM engine.run WHERE event_id = $1 ORDER BY id LIMIT 1000`,
    [eventId],
  );
  return rows.map(toView);
}
