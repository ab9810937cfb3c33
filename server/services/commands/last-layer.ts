// The dependencies that a run of a job has in its sandboxes, for the worker that takes it over and for the step that asks
// whether they are there already. What is stored of the commands is the truth.
import { type LayerSpec, layerSpec } from "../../../runner/protocol";
import type { Db } from "../../db";

export interface LastLayer {
  key: string;
  spec: LayerSpec;
}

/** The layer that was prepared last in this run; null when there is none. */
export async function lastLayer(db: Db, { id, run }: { id: bigint; run: number }): Promise<LastLayer | null> {
  const [row] = await db.$queryRaw<{ key: string; spec: unknown }[]>`
    SELECT key, spec FROM command
    WHERE job_id = ${id} AND run = ${run}::int AND state = 'finished'
      AND spec->>'kind' = 'layer' AND result->>'exit_code' = '0'
    ORDER BY position DESC LIMIT 1`;
  return row ? { key: row.key, spec: layerSpec.parse(row.spec) } : null;
}
