/**
 * Files small jobs over the public API, as many at a time as the workers can use. Each has an idempotency key of its
 * own that tells its number, so that it is filed once however often the app goes away before it could answer.
 */
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { jobView } from "@/server/domain/outputs";
import type { Factory } from "@/tests/system/factory";
import { simulated } from "@/tests/system/jobs";
import { seeded } from "./random";

/** What the jobs' models do; some err once, so that fixers are hit as well. */
const MODELS = ["sim-1", "sim-1", "sim-1", "sim-1+test@1", "sim-1+lint@1", "sim-1+garbage@1"];
const REQUEST_LIMIT_MS = 10_000;
const RETRY_MS = 150;
/** A factory that takes no job for so long is lost itself. */
const GIVE_UP_MS = 180_000;

const tokens = z.object({ access_token: z.string() });

export class Filing {
  /** Ids of the acknowledged jobs, in order of their numbers. */
  readonly ids: string[] = [];
  private bearer: string | null = null;

  constructor(
    private readonly factory: Factory,
    private readonly seed: number,
  ) {}

  /** Files the next job and waits until it is acknowledged. @throws when the app does not come back or refuses it */
  async next(): Promise<void> {
    const n = this.ids.length + 1;
    const model = seeded(`${this.seed}/jobs/${n}`).of(MODELS);
    const body = {
      title: `Word counter ${n}`,
      description: "A small library that counts words.",
      spec: "# Word counter\n\n- [ ] Count the words of a text\n",
      tech_stack: "node",
      models: simulated(model),
    };
    const giveUp = Date.now() + GIVE_UP_MS;
    for (;;) {
      const answer = await this.send("/api/v1/jobs", body, `chaos-${this.seed}-${n}`);
      if (answer?.ok) {
        this.ids.push(jobView.parse(await answer.json()).job_id);
        return;
      }
      const passing = answer === null || answer.status >= 500 || [401, 408, 429].includes(answer.status);
      if (!passing) throw new Error(`Job ${n} was refused with ${answer.status}: ${await answer.text()}`);
      if (answer?.status === 401) this.bearer = null;
      if (Date.now() > giveUp) throw new Error(`Nobody took job ${n} for ${GIVE_UP_MS / 1000} s.`);
      await pause(RETRY_MS);
    }
  }

  /** @returns null when there was no whole answer */
  private async send(path: string, body: unknown, key: string): Promise<Response | null> {
    try {
      this.bearer ??= await this.signIn();
      const headers = {
        authorization: `Bearer ${this.bearer}`,
        "content-type": "application/json",
        "idempotency-key": key,
      };
      return await whole(
        await fetch(this.factory.url + path, {
          method: "POST",
          headers,
          body: JSON.stringify(body),
          signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
        }),
      );
    } catch {
      return null;
    }
  }

  private async signIn(): Promise<string> {
    const answer = await fetch(`${this.factory.url}/api/v1/auth/login`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(this.factory.admin),
      signal: AbortSignal.timeout(REQUEST_LIMIT_MS),
    });
    return tokens.parse(await answer.json()).access_token;
  }
}

/** An answer that breaks off was none: the job may be filed or not, and is asked for again under its key. */
async function whole(answer: Response): Promise<Response> {
  const text = await answer.text();
  if (answer.ok) JSON.parse(text);
  return new Response(text || null, { status: answer.status });
}
