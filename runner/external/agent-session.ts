// A job that an external agent does: a sandbox with its workspace, and the agent in it again and again, a fresh process
// for every iteration, until its checklist has no unchecked task or it can go on no more. Each iteration's work is sent
// before the next begins, so a host that dies costs one at most.
import { beginningOf, endOf } from "../excerpt";
import type { SessionEnd, SessionOptions } from "../job-session";
import type { BriefAnswer, BundleAnswer, ExternalEvent } from "../protocol";
import { MAX_POLL_MS } from "../protocol";
import { NoSandboxError, SandboxError } from "../sandbox/port";
import { ServerRefusal } from "../server-client";
import { type AgentEnd, type AgentRun, keepMessages, learningsOf, readNote, runAgent } from "./agent-run";
import { Box } from "./box";
import type { RalphSettings } from "./env";
import { EventSender } from "./event-sender";
import { ModelDoor } from "./model-door";
import type { Iteration } from "./prompt";

/** So long after its lease a sandbox may still be there, for what was made in it to be sent. */
const LAST_MS = 20_000;
/** So long before the end of the job's time an agent is stopped, so that its work is still sent. */
const RESERVE_MS = 20_000;
/** How long an agent may go on that has been told that there is no money. */
const CAP_GRACE_MS = 10_000;
/** So many files of others are told of at once. */
const MAX_HELD = 50;
/** So often in a row an iteration may come to nothing. */
const MAX_IDLE = 3;
const MAX_FAILURES = 3;

/** Works on a job until its lease is over. Throws ServerRefusal only when the worker is not known any more. */
export async function runExternalJob(options: SessionOptions, ralph: RalphSettings): Promise<SessionEnd> {
  const session = new AgentSession(options, ralph);
  const stop = () => session.stop();
  options.lease.signal.addEventListener("abort", stop, { once: true });
  try {
    await session.work();
    return "done";
  } catch (error) {
    return await session.giveBack(error);
  } finally {
    options.lease.finish("finished");
    await session.close();
  }
}

/** What one iteration came to. */
interface Outcome {
  end: AgentEnd;
  said: { stuck: string | null; failed: string | null; completed: string | null };
  answer: BundleAnswer;
  /** Whether any file is different from before. */
  changed: boolean;
}

class AgentSession {
  private door: ModelDoor | null = null;
  private readonly box: Box;
  private readonly events: EventSender;
  private readonly learned = new Set<string>();
  /** Ends the agent's process because there is no money, or no lease, any more; null while none runs. */
  private halt: AbortController | null = null;
  /** How often people's messages were asked for under this lease. */
  private asked = 0;
  private messages: Iteration["messages"] = [];
  /** Files that others hold, with who they are. */
  private readonly held = new Map<string, string>();

  constructor(
    private readonly options: SessionOptions,
    private readonly ralph: RalphSettings,
  ) {
    const { client, lease } = options;
    this.box = new Box(options);
    this.events = new EventSender({
      send: async (first, events) => (await client.external(lease.key, first, events, lease.signal)).next,
      onFailure: (error) => {
        if (isLeaseRefusal(error)) lease.finish("refused");
      },
    });
  }

  async work(): Promise<void> {
    const { lease, log, claim } = this.options;
    const brief = await this.untilReady();
    const until = performance.now() + brief.seconds_left * 1_000 - RESERVE_MS;
    await this.box.fill();
    await this.openDoor();
    let problem: string | null = null;
    let idle = 0;
    let failures = 0;
    for (let n = brief.iterations + 1; !lease.signal.aborted; n++) {
      const timeoutMs = Math.min(this.ralph.iterationSeconds * 1_000, until - performance.now());
      if (n > this.ralph.maxIterations)
        return this.stuck(
          `The agent used its ${this.ralph.maxIterations} iterations, and tasks are still open.`,
        );
      if (timeoutMs <= 0) return this.fail("timeout", "The job's working time is used up.");
      lease.iteration = n;
      this.events.add({ type: "iteration", n });
      if (this.messages.length === 0) await this.ask();
      const told = this.messages;
      const held = [...this.held].map(([path, holder]) => `${path} (${holder})`);
      const outcome = await this.iterate(brief, { n, messages: told, held, problem }, timeoutMs);
      this.messages = [];
      log(`job ${claim.job_id}: iteration ${n} ended with ${describe(outcome.end)}`);
      const { answer, said, changed } = outcome;
      if (answer.accepted && answer.paused) return lease.finish("finished");
      if (said.stuck !== null) return this.stuck(said.stuck);
      problem = problemOf(outcome);
      if (answer.accepted && answer.open_tasks === 0) {
        await this.ask();
        if (this.messages.length === 0) {
          problem = await this.complete(said.completed ?? "");
          if (problem === null) return;
        }
      }
      failures = said.failed !== null || (!changed && outcome.end.outcome.exitCode !== 0) ? failures + 1 : 0;
      idle = changed || told.length > 0 ? 0 : idle + 1;
      if (failures >= MAX_FAILURES)
        return this.fail("agent_failed", said.failed ?? problem ?? "The agent failed again and again.");
      if (idle >= MAX_IDLE)
        return this.stuck(`${MAX_IDLE} iterations in a row changed nothing.${problem ? ` ${problem}` : ""}`);
    }
  }

  /** The app may still be making the workspace when the job is claimed. */
  private async untilReady(): Promise<BriefAnswer> {
    const { client, lease } = this.options;
    for (;;) {
      const brief = await client.brief(lease.key, MAX_POLL_MS, lease.signal);
      if (brief) return brief;
    }
  }

  private async openDoor(): Promise<void> {
    const { client, lease } = this.options;
    this.door = await ModelDoor.open({
      ask: (path, question) =>
        client.model(lease.key, path, {
          ...question,
          signal: AbortSignal.any([question.signal, lease.signal]),
        }),
      onCap: () => this.stopSoon(),
      onOver: () => lease.finish("refused"),
    });
  }

  private async runAndSend(run: AgentRun, said: Outcome["said"]): Promise<[AgentEnd, BundleAnswer]> {
    const { lease } = this.options;
    const { n } = run.iteration;
    try {
      const end = await runAgent(run);
      lease.signal.throwIfAborted();
      await this.readNotes(run.brief, said);
      await this.events.idle();
      return [end, await this.box.send(`Iteration ${n}`)];
    } catch (error) {
      if (lease.signal.aborted) await this.box.sendLast(`Iteration ${n}, as far as it came`);
      throw error;
    } finally {
      this.halt = null;
    }
  }

  private stopSoon(): void {
    const { halt } = this;
    if (halt) setTimeout(() => halt.abort(), CAP_GRACE_MS).unref();
  }

  /** What people said since it was asked for last. */
  private async ask(): Promise<void> {
    const { client, lease } = this.options;
    this.asked += 1;
    this.messages = await client.messages(lease.key, this.asked, lease.signal);
  }

  /**
   * The lease is over. An agent that is at work ends at once; what it has made is still sent, because the app takes it
   * when the job was paused or this host is stopped. When the app is silent nothing could be sent.
   */
  stop(): void {
    const { halt, options } = this;
    if (!halt || options.lease.end === "lost") return void this.box.destroy();
    halt.abort();
    setTimeout(() => void this.box.destroy(), LAST_MS).unref();
  }

  private async iterate(brief: BriefAnswer, iteration: Iteration, timeoutMs: number): Promise<Outcome> {
    const { lease, claim } = this.options;
    const { door } = this;
    const sandbox = this.box.live();
    if (!door) throw new SandboxError("The way to the model is closed.", true);
    const said: Outcome["said"] = { stuck: null, failed: null, completed: null };
    const take = (event: ExternalEvent) => {
      if (event.type === "stuck") said.stuck = event.reason;
      else if (event.type === "failed") said.failed = event.reason;
      else if (event.type === "completed") said.completed = event.summary;
      // These three are told by the calls that follow from them.
      else this.events.add(event);
      if (event.type === "lock") this.lock(event.files);
    };
    await keepMessages(sandbox, brief.notes_folder, iteration.messages);
    lease.signal.throwIfAborted();
    this.halt = new AbortController();
    const { signal } = this.halt;
    const run = {
      sandbox,
      brief,
      job: claim.job_id,
      ralph: this.ralph,
      iteration,
      timeoutMs,
      door,
      take,
      signal,
    };
    const before = this.box.commit;
    const [end, answer] = await this.runAndSend(run, said);
    if (said.failed !== null && !lease.signal.aborted)
      this.events.add({ type: "failed", reason: said.failed });
    return { end, said, answer, changed: this.box.commit !== before };
  }

  /** Whoever has the files is told, and the agent in its next iteration. */
  private lock(files: readonly string[]): void {
    const { client, lease, log, claim } = this.options;
    client
      .lock(lease.key, files, lease.signal)
      .then(({ conflicts }) => {
        for (const { path, holder } of conflicts.slice(0, MAX_HELD)) this.held.set(path, holder);
      })
      .catch((error: unknown) => {
        if (isLeaseRefusal(error)) lease.finish("refused");
        else if (!lease.signal.aborted)
          log(`job ${claim.job_id}: files could not be locked: ${String(error)}`);
      });
  }

  private async readNotes(brief: BriefAnswer, said: Outcome["said"]): Promise<void> {
    const sandbox = this.box.live();
    const stuck = await readNote(sandbox, `${brief.notes_folder}/stuck.md`);
    if (stuck !== "") said.stuck ??= beginningOf(stuck, 2_000);
    for (const event of learningsOf(await readNote(sandbox, `${brief.notes_folder}/new-learnings.md`))) {
      if (this.learned.has(event.text)) continue;
      this.learned.add(event.text);
      this.events.add(event);
    }
  }

  /** @returns why the app does not take it as complete, null when it does */
  private async complete(summary: string): Promise<string | null> {
    const { client, lease } = this.options;
    try {
      await client.complete(lease.key, summary, lease.signal);
      lease.finish("finished");
      return null;
    } catch (error) {
      if (error instanceof ServerRefusal && error.kind === "refused") return error.message;
      throw error;
    }
  }

  private async stuck(reason: string): Promise<void> {
    const { client, lease } = this.options;
    await client.stuck(lease.key, reason, lease.signal);
    lease.finish("finished");
  }

  private async fail(code: string, message: string): Promise<void> {
    const { client, lease } = this.options;
    await client.giveUp(lease.key, code, message, lease.signal);
    lease.finish("finished");
  }

  /** Ends the lease because of an error; gives the job back when the app still counts on this worker. */
  async giveBack(error: unknown): Promise<SessionEnd> {
    const { client, lease, log, claim } = this.options;
    if (lease.end !== null) return "done";
    if (error instanceof ServerRefusal && error.kind === "token") throw error;
    if (isLeaseRefusal(error)) {
      lease.finish("refused");
      return "done";
    }
    const message = error instanceof Error ? error.message : String(error);
    log(`job ${claim.job_id}: given back: ${message}`);
    const code = error instanceof SandboxError || error instanceof NoSandboxError ? "sandbox" : "runner";
    await client.fail(lease.key, code, message, lease.signal).catch((refusal: unknown) => {
      log(`job ${claim.job_id}: could not be given back: ${String(refusal)}`);
    });
    return "given_back";
  }

  async close(): Promise<void> {
    await Promise.all([this.box.destroy(), this.door?.close()]);
  }
}

/** What the next iteration is told of this one; null when nothing went wrong. */
function problemOf({ end: { outcome, errors }, said, answer }: Outcome): string | null {
  if (!answer.accepted) return `Your files were not taken: ${answer.reason}`;
  if (said.failed !== null) return said.failed;
  if (outcome.timedOut) return "You took too long and were stopped; work in smaller steps.";
  if (outcome.outOfMemory !== "no") return "The sandbox ran out of memory.";
  if (outcome.exitCode === 0) return null;
  return `The agent ended with ${outcome.signal ?? outcome.exitCode}${errors ? `: ${endOf(errors, 500)}` : ""}`;
}

function describe({ outcome }: AgentEnd): string {
  if (outcome.timedOut) return "its time used up";
  return outcome.signal ?? `exit code ${outcome.exitCode}`;
}

/** The lease is not this worker's any more. */
function isLeaseRefusal(error: unknown): boolean {
  if (!(error instanceof ServerRefusal)) return false;
  return ["not_found", "stale", "over"].includes(error.kind);
}
