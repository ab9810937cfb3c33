/** Files jobs over the public API and waits for what becomes of them, as any client would. */
import { randomUUID } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import { z } from "zod";
import { ApiError } from "@/cli/client/api";
import { LauncherError } from "@/cli/launcher-error";
import { isSettled } from "@/server/domain/job-state";
import { type JobView, jobView } from "@/server/domain/outputs";
import type { Factory } from "./factory";

const POLL_MS = 100;
const ROLES = ["planner", "coder", "tester", "fixer"] as const;

/** One small task: a job that is over within seconds. */
const SMALL = {
  title: "Word counter",
  description: "A small library that counts words.",
  spec: "# Word counter\n\n- [ ] Count the words of a text\n",
  tech_stack: "node",
};

/** The `models` of a job whose every role is played by this simulated model. */
export function simulated(model: string): Record<string, string> {
  return Object.fromEntries(ROLES.map((role) => [role, `simulation/${model}`]));
}

const tokens = z.object({ access_token: z.string() });
const bearers = new WeakMap<Factory, string>();

/** Files a job under one idempotency key, however often the app goes away meanwhile. @returns its id */
export async function submit(factory: Factory, request: Record<string, unknown> = {}): Promise<string> {
  const key = randomUUID();
  const body = JSON.stringify({ ...SMALL, ...request });
  return patiently(async () => {
    const bearer = bearers.get(factory) ?? (await signIn(factory));
    const headers = {
      authorization: `Bearer ${bearer}`,
      "content-type": "application/json",
      "idempotency-key": key,
    };
    const response = await fetch(`${factory.url}/api/v1/jobs`, { method: "POST", headers, body });
    if (response.status === 401) bearers.delete(factory);
    if (!response.ok)
      throw new ApiError(response.status === 401 ? 503 : response.status, await response.text());
    return jobView.parse(await response.json()).job_id;
  });
}

async function signIn(factory: Factory): Promise<string> {
  const { access_token } = await factory.client.call("POST", "/api/v1/auth/login", tokens, factory.admin);
  bearers.set(factory, access_token);
  return access_token;
}

/** Calls an address that changes a job, once. */
export async function post(factory: Factory, path: string, method = "POST"): Promise<void> {
  await factory.client.call(method, path, z.unknown(), method === "POST" ? {} : undefined);
}

/** The job's record. */
export function readJob(factory: Factory, id: string): Promise<JobView> {
  return patiently(() => factory.client.call("GET", `/api/v1/jobs/${id}`, jobView));
}

/** Waits until the job is as wanted. @throws with its record and the factory's log when it takes longer */
export async function untilJob(
  factory: Factory,
  id: string,
  wanted: (job: JobView) => boolean,
  limitMs = 90_000,
): Promise<JobView> {
  const giveUp = Date.now() + limitMs;
  for (;;) {
    const job = await readJob(factory, id);
    if (wanted(job)) return job;
    if (Date.now() > giveUp || isSettled(job.status)) {
      const { status, current_step, error_message, waiting_reason } = job;
      const said = JSON.stringify({ id, status, current_step, error_message, waiting_reason });
      throw new Error(`The job did not become what was expected: ${said}\n${factory.log()}`);
    }
    await pause(POLL_MS);
  }
}

/** Waits until the job is over. */
export function untilSettled(factory: Factory, id: string, limitMs?: number): Promise<JobView> {
  return untilJob(factory, id, (job) => isSettled(job.status), limitMs);
}

/** Waits until a program of the job whose key begins with `prefix` is running in the sandbox. */
export async function untilRunning(
  factory: Factory,
  id: string,
  prefix: string,
  limitMs = 60_000,
): Promise<void> {
  const giveUp = Date.now() + limitMs;
  for (;;) {
    const [row] = await factory.sql<{ running: boolean }>(
      `SELECT EXISTS (SELECT 1 FROM command c JOIN job j ON j.id = c.job_id
        WHERE j.public_id = $1 AND c.state = 'running' AND c.key LIKE $2 || '%') AS running`,
      [id, prefix],
    );
    if (row?.running) return;
    if (Date.now() > giveUp) throw new Error(`${id} never ran ${prefix}.\n${factory.log()}`);
  }
}

async function patiently<T>(call: () => Promise<T>): Promise<T> {
  for (let left = 200; ; left--) {
    try {
      return await call();
    } catch (error) {
      const away = error instanceof LauncherError && !(error instanceof ApiError);
      const busy = error instanceof ApiError && (error.status >= 500 || error.status === 429);
      const cut = error instanceof Error && /fetch failed|terminated|aborted|JSON/.test(error.message);
      if (left === 0 || !(away || busy || cut)) throw error;
      await pause(POLL_MS);
    }
  }
}
