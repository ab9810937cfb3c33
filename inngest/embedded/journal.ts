/**
 * Group commit. Changes made in one turn of the event loop are never torn apart, and effects (answers, calls)
 * happen only after the changes they follow from are on disk. While one batch commits, the next collects.
 */
import { reachBatch, stallBatch } from "./fault-points";
import { type Batch, buildStatement, emptyBatch, type Statement } from "./journal-statement";
import type { CronRow, EventRow, FunctionRow, OnceRow, RunRow, StepRow, Work } from "./records";

/** What the journal writes to. */
export interface JournalStore {
  execute(statement: { name: string; text: string; values: unknown[][] }): Promise<void>;
}

/** Collects changed rows and writes them in batches. */
export class Journal {
  private batch: Batch = emptyBatch();
  private effects: (() => void)[] = [];
  private flushing = false;
  private broken: unknown;
  private waiters = new Set<(error: unknown) => void>();

  constructor(
    private readonly store: JournalStore,
    private readonly onBroken: (error: unknown) => void,
  ) {}

  putFunction(row: FunctionRow): void {
    this.batch.functions.set(row.id, row);
    this.wake();
  }

  deleteFunction(id: string): void {
    this.batch.functions.set(id, null);
    this.wake();
  }

  putEvent(row: EventRow): void {
    this.batch.events.push(row);
    this.wake();
  }

  putRun(row: RunRow): void {
    this.batch.runs.set(row.id, row);
    this.wake();
  }

  addStep(row: StepRow): void {
    this.batch.steps.push(row);
    this.wake();
  }

  putWork(work: Work): void {
    const id = `${work.runId} ${work.key}`;
    this.batch.goneWork.delete(id);
    this.batch.work.set(id, work);
    this.wake();
  }

  deleteWork(runId: string, key: string): void {
    const id = `${runId} ${key}`;
    this.batch.work.delete(id);
    this.batch.goneWork.set(id, { runId, key });
    this.wake();
  }

  putOnce(row: OnceRow): void {
    this.batch.once.push(row);
    this.wake();
  }

  putCron(row: CronRow): void {
    const id = `${row.functionId} ${row.expression}`;
    this.batch.goneCrons.delete(id);
    this.batch.crons.set(id, row);
    this.wake();
  }

  deleteCron(functionId: string, expression: string): void {
    const id = `${functionId} ${expression}`;
    this.batch.crons.delete(id);
    this.batch.goneCrons.set(id, { functionId, expression });
    this.wake();
  }

  /** Runs an effect once everything changed so far is on disk. Effects keep their order. */
  afterCommit(effect: () => void): void {
    this.effects.push(effect);
    this.wake();
  }

  /** Resolves once everything changed so far is on disk; rejects when the journal is broken. */
  commit(): Promise<void> {
    if (this.broken) return Promise.reject(this.broken);
    return new Promise((resolve, reject) => {
      this.waiters.add(reject);
      this.afterCommit(() => {
        this.waiters.delete(reject);
        resolve();
      });
    });
  }

  private wake(): void {
    if (this.flushing || this.broken) return;
    this.flushing = true;
    // A microtask would flush in the middle of an answer's changes; the next turn has them all.
    setImmediate(() => void this.flush());
  }

  private async write(statement: Statement, batch: Batch): Promise<void> {
    const stalled = stallBatch(batch);
    if (stalled) await stalled;
    const written = this.store.execute(statement);
    reachBatch(batch, "sent");
    await written;
    reachBatch(batch, "after");
  }

  private async flush(): Promise<void> {
    try {
      for (;;) {
        const effects = this.effects;
        const statement = buildStatement(this.batch);
        if (!statement && !effects.length) break;
        const { batch } = this;
        this.batch = emptyBatch();
        this.effects = [];
        if (statement) await this.write(statement, batch);
        for (const effect of effects) effect();
        reachBatch(batch, "effects");
      }
    } catch (error) {
      this.broken = error;
      for (const reject of this.waiters) reject(error);
      this.waiters.clear();
      this.onBroken(error);
    } finally {
      this.flushing = false;
    }
  }
}
