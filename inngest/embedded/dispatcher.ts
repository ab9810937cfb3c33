/**
 * Carries out due calls. At most one call per (run, key) is under way; an answer counts only while its call
 * is the current one. Results of parked runs leave memory when they grow, and are read back when needed.
 */
import { randomUUID } from "node:crypto";
import type pg from "pg";
import { applyAnswer } from "./apply-answer";
import { CallGate } from "./call-gate";
import { buildCallBody, buildCallHeaders, type SdkClient } from "./call-sdk";
import type { Call, Engine, Run } from "./engine-state";
import { reach } from "./fault-points";
import { limitsOf, rankOf } from "./limits";
import { endIfOverdue, markStarted } from "./runs";

const MEMORY_LIMIT_BYTES = 64 * 1024 * 1024;

/** What the dispatcher needs beside the engine's state. */
export interface DispatcherOptions {
  client: SdkClient;
  reader: pg.Pool;
  /** The app's serve URL; calls go there whatever address the SDK believes it has. */
  appUrl: string;
  /** Told when the app answers again after it could not be reached. */
  onReached(): void;
}

/** Sends calls and hands their answers to applyAnswer. */
export class Dispatcher {
  private closed = false;
  private generation = Date.now();
  private readonly calls = new Set<Call>();
  private readonly gate = new CallGate();
  /** Runs without a call, oldest first, with the size of their results. */
  private readonly parked = new Map<Run, number>();
  private parkedBytes = 0;

  /** Lets the first calls go: their checkpoints need the server to listen. */
  open: () => void = () => undefined;
  private readonly opened = new Promise<void>((resolve) => {
    this.open = resolve;
  });

  constructor(
    private readonly engine: Engine,
    private readonly options: DispatcherOptions,
  ) {}

  /** Starts the due call of a run. Does nothing when it is under way or not wanted any more. */
  dispatch(run: Run, key: string): void {
    if (run.inflight.has(key) || run.queued.has(key) || !this.isDue(run, key)) return;
    run.queued.add(key);
    const fn = this.engine.functions.get(run.row.functionId);
    this.gate.enter({
      limits: limitsOf(fn, run),
      rank: rankOf(fn, run),
      isWanted: () => {
        const wanted = this.isDue(run, key);
        if (!wanted) run.queued.delete(key);
        return wanted;
      },
      begin: (leave) => this.begin(run, key, leave),
    });
  }

  /** Whether the run still asks for the call. */
  private isDue(run: Run, key: string): boolean {
    const kind = run.work.get(key)?.kind;
    const isCall = kind === "call" || kind === "plan";
    return isCall && !this.closed && run.row.status === "running" && !run.overdue;
  }

  private begin(run: Run, key: string, leave: () => void): void {
    run.queued.delete(key);
    markStarted(this.engine, run);
    const call: Call = {
      requestId: randomUUID(),
      generation: ++this.generation,
      abort: () => undefined,
    };
    run.inflight.set(key, call);
    this.calls.add(call);
    this.carryOut(run, key, call)
      .catch((error: unknown) => this.fail(run, key, error))
      .finally(() => {
        this.calls.delete(call);
        leave();
      });
  }

  private async carryOut(run: Run, key: string, call: Call): Promise<void> {
    const { engine, options } = this;
    await this.opened;
    this.unpark(run);
    if (!run.steps) await this.load(run);
    const fn = engine.functions.get(run.row.functionId);
    if (!this.isCurrent(run, key, call)) return;
    const url = new URL(options.appUrl);
    url.searchParams.set("fnId", run.row.functionId);
    url.searchParams.set("stepId", key);
    const body = buildCallBody(run, key, call, fn?.config.maxAttempts ?? 1);
    const headers = buildCallHeaders(run, call);
    const wasUnreachable = run.unreachable > 0;
    reach("call:before");
    const answer = await options.client.send(url.href, "POST", body, headers, (abort) => {
      call.abort = abort;
    });
    reach("call:answered");
    if (!this.isCurrent(run, key, call)) return;
    run.inflight.delete(key);
    if (answer.kind === "lost") {
      engine.log.warn({ run: run.row.id, function: run.row.functionId, reason: answer.message }, "call lost");
    }
    // Said once for each run: the call is repeated until the app is there.
    if (answer.kind === "unreachable" && !wasUnreachable)
      engine.log.warn({ run: run.row.id, reason: answer.message }, "app away");
    applyAnswer(engine, run, key, answer);
    endIfOverdue(engine, run);
    if (wasUnreachable && answer.kind === "answered") options.onReached();
    this.park(run);
  }

  /** Something of our own went wrong, such as reading the steps; the run must not be left without a call. */
  private fail(run: Run, key: string, error: unknown): void {
    this.engine.log.error({ err: error, run: run.row.id }, "a call could not be carried out");
    if (this.closed || run.row.status !== "running") return;
    run.inflight.delete(key);
    applyAnswer(this.engine, run, key, { kind: "lost", message: "The engine could not carry out the call." });
    endIfOverdue(this.engine, run);
  }

  private isCurrent(run: Run, key: string, call: Call): boolean {
    return !this.closed && run.inflight.get(key) === call;
  }

  private async load(run: Run): Promise<void> {
    run.arriving ??= [];
    await this.engine.journal.commit();
    const { rows } = await this.options.reader.query<{ id: string; result: string }>({
      name: "engine_steps",
      text: "SELECT id, result FROM engine.step WHERE run_id = $1 ORDER BY seq, recorded_at",
      values: [run.row.id],
    });
    if (run.steps) return;
    run.steps = new Map(rows.map((row) => [row.id, row.result]));
    for (const [id, result] of run.arriving ?? []) if (!run.steps.has(id)) run.steps.set(id, result);
    run.arriving = undefined;
  }

  private park(run: Run): void {
    if (run.row.status !== "running" || run.inflight.size || !run.steps) return;
    let bytes = 1024;
    for (const result of run.steps.values()) bytes += result.length * 2;
    this.unpark(run);
    this.parked.set(run, bytes);
    this.parkedBytes += bytes;
    for (const [oldest] of this.parked) {
      if (this.parkedBytes <= MEMORY_LIMIT_BYTES) break;
      this.unpark(oldest);
      oldest.steps = undefined;
    }
  }

  private unpark(run: Run): void {
    this.parkedBytes -= this.parked.get(run) ?? 0;
    this.parked.delete(run);
  }

  /** Breaks off every call; their runs go on at the next start. */
  close(): void {
    this.closed = true;
    for (const call of this.calls) call.abort();
  }
}
