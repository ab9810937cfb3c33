/**
 * Speaks to the SDK: builds and signs the body of a call, sends it, checks the signature of what comes back.
 * Keep-alive connections; no timeout but the two hours the real server gives a step.
 */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from "node:http";
import { Agent as HttpsAgent, request as httpsRequest } from "node:https";
import type { Answer } from "./apply-answer";
import { canonicalObject } from "./canonical-json";
import { type Call, DISCOVERY, hasPending, type Run } from "./engine-state";
import { readText } from "./http";
import type { Signer } from "./signatures";

const CALL_LIMIT_MS = 2 * 60 * 60 * 1000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const MAX_SOCKETS = 512;

/** "cloud" is what the SDK calls a server that signs. */
export type ServerKind = "cloud" | "dev";

/** A way to reach the app. */
export interface SdkClient {
  kind: ServerKind;
  /** Sends a request; never rejects. */
  send(
    url: string,
    method: "POST" | "PUT",
    body: string,
    headers: Record<string, string>,
    onAbort: OnAbort,
  ): Promise<Answer>;
  close(): void;
}

type OnAbort = (abort: () => void) => void;

/** Makes a client. Without a signer nothing is signed and answers are not checked. */
export function createSdkClient(signer: Signer | undefined, now: () => number): SdkClient {
  const agents = {
    http: new HttpAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
    https: new HttpsAgent({ keepAlive: true, maxSockets: MAX_SOCKETS }),
  };
  const kind: ServerKind = signer ? "cloud" : "dev";

  const sendOnce: SdkClient["send"] = (url, method, body, headers, onAbort) =>
    new Promise((resolve) => {
      const secure = url.startsWith("https:");
      const started = now();
      const request = (secure ? httpsRequest : httpRequest)(url, {
        method,
        agent: secure ? agents.https : agents.http,
        headers: {
          "content-type": "application/json",
          "content-length": Buffer.byteLength(body),
          "x-inngest-server-kind": kind,
          ...(signer ? { "x-inngest-signature": signer.sign(body, now()) } : {}),
          ...headers,
        },
      });
      request.setTimeout(CALL_LIMIT_MS, () =>
        request.destroy(new Error("The call took longer than 2 hours.")),
      );
      onAbort(() => request.destroy(new Error("The call is no longer wanted.")));
      request.on("error", (error: NodeJS.ErrnoException) => {
        const never = ["ECONNREFUSED", "ENOTFOUND", "EHOSTUNREACH", "ENETUNREACH", "EAI_AGAIN"].includes(
          error.code ?? "",
        );
        // The app closed an idle connection just as we used it; it has seen nothing of the call.
        const idle = request.reusedSocket && error.code === "ECONNRESET" && now() - started < 50;
        resolve({
          kind: never || idle ? "unreachable" : "lost",
          message: `The app could not be called: ${error.message}`,
        });
      });
      request.on("response", (response) => {
        readBody(response).then(
          (text) => resolve(check(response, text)),
          (error: Error) =>
            resolve({ kind: "lost", message: `The app's answer broke off: ${error.message}` }),
        );
      });
      request.end(body);
    });

  const check = (response: IncomingMessage, body: string): Answer => {
    const headers = Object.fromEntries(
      Object.entries(response.headers).map(([name, value]) => [
        name,
        Array.isArray(value) ? value[0] : value,
      ]),
    );
    const status = response.statusCode ?? 0;
    if (signer && !signer.verify(headers["x-inngest-signature"], body, now())) {
      return {
        kind: "lost",
        message: `The app answered ${status} without a valid signature: ${body.slice(0, 200)}`,
      };
    }
    return { kind: "answered", status, headers, body };
  };

  return {
    kind,
    send: sendOnce,
    close() {
      agents.http.destroy();
      agents.https.destroy();
    },
  };
}

async function readBody(response: IncomingMessage): Promise<string> {
  const text = await readText(response, MAX_ANSWER_BYTES);
  if (text === undefined) throw new Error("it is larger than 64 MB");
  return text;
}

/** The canonical body of a call. The run's steps must be loaded. */
export function buildCallBody(run: Run, key: string, call: Call, maxAttempts: number): string {
  const text = JSON.stringify;
  const ids = [...run.steps!.keys()];
  const planned = key !== DISCOVERY;
  const context = canonicalObject({
    attempt: String(run.work.get(key)?.attempt ?? 0),
    disable_immediate_execution: String(planned || hasPending(run)),
    env: '"local"',
    fn_id: text(run.row.functionId),
    generation_id: String(call.generation),
    job_id: text(call.requestId),
    max_attempts: String(maxAttempts),
    qi_id: text(`${run.row.id}:${key}`),
    request_id: text(call.requestId),
    run_id: text(run.row.id),
    stack: `{"current":${ids.length},"stack":${text(ids)}}`,
    step_id: text(key),
    use_api: "false",
  });
  return canonicalObject({
    ctx: context,
    event: run.event,
    events: `[${run.event}]`,
    steps: canonicalObject(Object.fromEntries(run.steps!)),
    use_api: "false",
    version: String(run.requestVersion),
  });
}

/** The headers of a call, beside those every request has. */
export function buildCallHeaders(run: Run, call: Call): Record<string, string> {
  return {
    "x-inngest-req-version": String(run.requestVersion),
    "x-inngest-generation-id": String(call.generation),
    "x-inngest-job-id": call.requestId,
    "x-request-id": call.requestId,
    "x-run-id": run.row.id,
  };
}
