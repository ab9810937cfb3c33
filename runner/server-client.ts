// The typed client of runner/protocol.ts: the runner's only connection to the app.
// Invariant: the app may be away at any time. Whatever may still succeed is repeated with a growing pause until the
// caller's signal aborts (the lease is over, or the runner stops); a refusal is never repeated.
import { setTimeout as delay } from "node:timers/promises";
import type { z } from "zod";
import { beginningOf } from "./excerpt";
import {
  type BriefAnswer,
  type BundleAnswer,
  briefAnswer,
  bundleAnswer,
  type ClaimAnswer,
  type CommandsAnswer,
  claimAnswer,
  commandsAnswer,
  type ExternalAnswer,
  type ExternalEvent,
  externalAnswer,
  FENCE_HEADER,
  type HeartbeatAnswer,
  type HeartbeatRequest,
  heartbeatAnswer,
  type LockAnswer,
  lockAnswer,
  MAX_BUNDLE_BYTES,
  type MessagesAnswer,
  MODEL_PATH,
  messagesAnswer,
  PROTOCOL_HEADER,
  PROTOCOL_VERSION,
  protocolError,
  type RegisterAnswer,
  type RegisterRequest,
  type ReportItem,
  registerAnswer,
} from "./protocol";

const FIRST_PAUSE_MS = 100;
/** An app that is back is found within this time, which a job that waits for its worker feels. */
const LONGEST_PAUSE_MS = 2_000;
/** How long one attempt may take beyond the time for which the server holds a poll open. */
const ATTEMPT_MS = 30_000;

/** Why the server refused, by status: see the error table of the protocol. */
export type RefusalKind = "token" | "not_found" | "stale" | "over" | "version" | "too_large" | "refused";
const KINDS: Readonly<Record<number, RefusalKind>> = {
  401: "token",
  403: "token",
  404: "not_found",
  409: "stale",
  410: "over",
  413: "too_large",
  426: "version",
};

/** The server answered and said no; saying it again would not help. */
export class ServerRefusal extends Error {
  override name = "ServerRefusal";
  constructor(
    readonly kind: RefusalKind,
    readonly status: number,
    readonly code: string,
    message: string,
  ) {
    super(message);
  }
}

/** Job and fence of the lease under which a call is made. */
export interface LeaseKey {
  job_id: string;
  fence: number;
}

interface Call {
  path: string;
  token: string;
  json?: unknown;
  bytes?: Uint8Array<ArrayBuffer>;
  method?: "GET" | "POST";
  holdMs?: number;
  signal: AbortSignal;
  /** Told about every attempt that failed in a way that may pass. */
  onFailure?: (reason: string) => void;
}

interface AskInit {
  method: "POST";
  headers: Record<string, string>;
  body: Uint8Array<ArrayBuffer>;
  signal: AbortSignal;
}

/** Speaks to one app. */
export class ServerClient {
  constructor(private readonly url: string) {}

  /** Registers, repeating for as long as it takes. Throws ServerRefusal for a wrong token or version. */
  async register(
    token: string,
    request: RegisterRequest,
    options: { signal: AbortSignal; onFailure: (reason: string) => void },
  ): Promise<RegisterAnswer> {
    const response = await this.call({
      path: "/api/worker/register",
      token,
      json: request,
      ...options,
    });
    return parse(registerAnswer, response);
  }

  /** The calls of one worker (slot). */
  worker(workerId: string, token: string): WorkerClient {
    const below = `/api/worker/${encodeURIComponent(workerId)}`;
    return new WorkerClient(
      (call) => this.call({ ...call, token, path: `${below}${call.path}` }),
      (path, init) => {
        const headers = { ...init.headers, authorization: `Bearer ${token}` };
        return fetch(`${this.url}${below}/${MODEL_PATH}${path}`, { ...init, headers, redirect: "error" });
      },
    );
  }

  private async call(call: Call): Promise<Response> {
    for (let pause = FIRST_PAUSE_MS; ; pause = Math.min(pause * 2, LONGEST_PAUSE_MS)) {
      call.signal.throwIfAborted();
      const outcome = await this.attempt(call);
      if (outcome instanceof Response) return outcome;
      call.onFailure?.(outcome.reason);
      await delay(pause * (0.5 + Math.random()), undefined, { signal: call.signal });
    }
  }

  /** One request. Returns the answer, or a passing failure; throws ServerRefusal, or the reason of the abort. */
  private async attempt(call: Call): Promise<Response | { reason: string }> {
    const timeout = AbortSignal.timeout((call.holdMs ?? 0) + ATTEMPT_MS);
    let response: Response;
    try {
      response = await fetch(this.url + call.path, {
        method: call.method ?? "POST",
        headers: {
          authorization: `Bearer ${call.token}`,
          [PROTOCOL_HEADER]: String(PROTOCOL_VERSION),
          ...(call.json === undefined ? {} : { "content-type": "application/json" }),
          ...(call.bytes === undefined ? {} : { "content-type": "application/octet-stream" }),
        },
        body: call.bytes ?? (call.json === undefined ? null : JSON.stringify(call.json)),
        redirect: "error",
        signal: AbortSignal.any([call.signal, timeout]),
      });
      // The body is taken here, so that a connection that breaks in the middle is repeated like any other failure.
      if (response.ok) return await buffered(response);
    } catch (error) {
      call.signal.throwIfAborted();
      return { reason: describe(error) };
    }
    const text = await response.text().catch(() => "");
    if (response.status === 429 || response.status >= 500)
      return { reason: `the app answered ${response.status}` };
    throw refusal(response.status, text);
  }
}

/** The calls of one worker. Every one throws ServerRefusal when refused, or the signal's reason when aborted. */
export class WorkerClient {
  constructor(
    private readonly call: (call: Omit<Call, "token">) => Promise<Response>,
    private readonly ask: (path: string, init: AskInit) => Promise<Response>,
  ) {}

  async heartbeat(request: HeartbeatRequest, signal: AbortSignal): Promise<HeartbeatAnswer> {
    return parse(heartbeatAnswer, await this.call({ path: "/heartbeat", json: request, signal }));
  }

  /** Waits up to `waitMs` for a job; null when none came. */
  async claim(waitMs: number, signal: AbortSignal): Promise<ClaimAnswer | null> {
    const response = await this.call({ path: "/claim", json: { wait_ms: waitMs }, holdMs: waitMs, signal });
    return response.status === 204 ? null : parse(claimAnswer, response);
  }

  /** Waits up to `waitMs` for commands of the job besides those that are known already. */
  async commands(
    lease: LeaseKey,
    known: readonly string[],
    waitMs: number,
    signal: AbortSignal,
  ): Promise<CommandsAnswer["commands"]> {
    const json = { ...lease, known, wait_ms: waitMs };
    const response = await this.call({ path: "/commands", json, holdMs: waitMs, signal });
    return response.status === 204 ? [] : (await parse(commandsAnswer, response)).commands;
  }

  /** Sends output and results; the app stores all of it or refuses all of it. */
  async report(lease: LeaseKey, items: readonly ReportItem[], signal: AbortSignal): Promise<void> {
    await this.call({ path: "/report", json: { ...lease, items }, signal });
  }

  /** The workspace as a git bundle, or null when it is empty. */
  async downloadBundle(lease: LeaseKey, signal: AbortSignal): Promise<Uint8Array | null> {
    const response = await this.call({ method: "GET", path: `/bundle?${query(lease)}`, signal });
    return response.status === 204 ? null : new Uint8Array(await response.arrayBuffer());
  }

  /** Sends a bundle up; repeated sends of one command give the same answer. */
  async uploadBundle(
    lease: LeaseKey,
    commandId: string,
    bundle: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<BundleAnswer> {
    const path = `/bundle?${query(lease)}&command_id=${encodeURIComponent(commandId)}`;
    return parse(bundleAnswer, await this.call({ path, bytes: bundle, signal }));
  }

  /** Gives the job back. */
  async fail(lease: LeaseKey, code: string, message: string, signal: AbortSignal): Promise<void> {
    await this.call({
      path: "/fail",
      json: { ...lease, code, message: beginningOf(message, 2_000) },
      signal,
    });
  }

  /** What the job is; waits up to `waitMs` for its workspace, null when that is not there yet. */
  async brief(lease: LeaseKey, waitMs: number, signal: AbortSignal): Promise<BriefAnswer | null> {
    const json = { ...lease, wait_ms: waitMs };
    const response = await this.call({ path: "/brief", json, holdMs: waitMs, signal });
    return response.status === 204 ? null : parse(briefAnswer, response);
  }

  /** Sends what an external agent says; `first` is the number of the first of these events within the lease. */
  async external(
    lease: LeaseKey,
    first: number,
    events: readonly ExternalEvent[],
    signal: AbortSignal,
  ): Promise<ExternalAnswer> {
    const json = { ...lease, first, events };
    return parse(externalAnswer, await this.call({ path: "/external", json, signal }));
  }

  /** Sends an external agent's work; the same bundle again gives the same answer. */
  async uploadWork(
    lease: LeaseKey,
    message: string,
    bundle: Uint8Array<ArrayBuffer>,
    signal: AbortSignal,
  ): Promise<BundleAnswer> {
    const path = `/bundle?${query(lease)}&message=${encodeURIComponent(beginningOf(message, 200))}`;
    return parse(bundleAnswer, await this.call({ path, bytes: bundle, signal }));
  }

  /** Takes files for an external agent; what others hold is named. */
  async lock(lease: LeaseKey, files: readonly string[], signal: AbortSignal): Promise<LockAnswer> {
    return parse(lockAnswer, await this.call({ path: "/lock", json: { ...lease, files }, signal }));
  }

  /** What people said since the asking before; the same number gives the same messages. */
  async messages(lease: LeaseKey, ask: number, signal: AbortSignal): Promise<MessagesAnswer["messages"]> {
    const json = { ...lease, ask };
    return (await parse(messagesAnswer, await this.call({ path: "/messages", json, signal }))).messages;
  }

  /** Hands the work over for validation. */
  async complete(lease: LeaseKey, summary: string, signal: AbortSignal): Promise<void> {
    await this.call({ path: "/complete", json: { ...lease, summary: beginningOf(summary, 4_000) }, signal });
  }

  /** The job needs a person. */
  async stuck(lease: LeaseKey, reason: string, signal: AbortSignal): Promise<void> {
    const json = { ...lease, reason: beginningOf(reason, 2_000) || "no reason was given" };
    await this.call({ path: "/stuck", json, signal });
  }

  /** The job cannot be done. */
  async giveUp(lease: LeaseKey, code: string, message: string, signal: AbortSignal): Promise<void> {
    const json = { ...lease, code, message: beginningOf(message, 2_000), final: true };
    await this.call({ path: "/fail", json, signal });
  }

  /** Asks a model under the lease, once. Rejects only when there is no answer. */
  model(
    lease: LeaseKey,
    path: string,
    {
      headers,
      body,
      signal,
    }: { headers: Record<string, string>; body: Uint8Array<ArrayBuffer>; signal: AbortSignal },
  ): Promise<Response> {
    const named = { ...headers, [FENCE_HEADER]: String(lease.fence) };
    return this.ask(path, { method: "POST", headers: named, body, signal });
  }

  async deregister(signal: AbortSignal): Promise<void> {
    await this.call({ path: "/deregister", json: {}, signal });
  }
}

function query(lease: LeaseKey): string {
  return new URLSearchParams({ job_id: lease.job_id, fence: String(lease.fence) }).toString();
}

async function buffered(response: Response): Promise<Response> {
  if (response.status === 204) return response;
  if (Number(response.headers.get("content-length") ?? 0) > MAX_BUNDLE_BYTES) {
    throw new ServerRefusal(
      "too_large",
      response.status,
      "too_large",
      "The app's answer is larger than allowed.",
    );
  }
  return new Response(await response.arrayBuffer(), { status: response.status });
}

async function parse<T>(schema: z.ZodType<T>, response: Response): Promise<T> {
  const parsed = schema.safeParse(await response.json().catch(() => undefined));
  if (parsed.success) return parsed.data;
  throw new ServerRefusal(
    "version",
    response.status,
    "bad_answer",
    "The app's answer does not follow the protocol.",
  );
}

function refusal(status: number, text: string): ServerRefusal {
  const kind = KINDS[status] ?? "refused";
  try {
    const { error } = protocolError.parse(JSON.parse(text));
    return new ServerRefusal(kind, status, error.code, error.message);
  } catch {
    return new ServerRefusal(kind, status, "unknown", `The app refused with status ${status}.`);
  }
}

function describe(error: unknown): string {
  const cause = (error as { cause?: { code?: string } }).cause?.code;
  return cause ?? (error instanceof Error ? error.message : String(error));
}
