/**
 * A real SDK app and an engine for the conformance suite. By default the embedded engine is started here;
 * CONFORMANCE_ENGINE_URL or INNGEST_BASE_URL names another server of the same protocol, INNGEST_SIGNING_KEY and
 * INNGEST_EVENT_KEY its keys (without a signing key it is used in dev mode), and then only that is used. It reaches
 * the app at CONFORMANCE_APP_HOST and CONFORMANCE_APP_PORT; with a fixed port add --no-file-parallelism.
 */
import { createHash, randomUUID } from "node:crypto";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Inngest, type InngestFunction } from "inngest";
import { serve } from "inngest/node";
import { vi } from "vitest";
import { type RunningEngine, startEngine } from "@/inngest/embedded/start-engine";
import { fetchEngine } from "@/inngest/fetch-engine";
import { createTestDatabase, type TestDatabase } from "@/tests/support/postgres";

/** Keys of a signed test; not secrets. */
const SERVER_URL = process.env.CONFORMANCE_ENGINE_URL || process.env.INNGEST_BASE_URL || "";
const OWN_SIGNING_KEY = "signkey-test-00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const given = (name: string) => (SERVER_URL && process.env[name]) || "";
export const SIGNING_KEY = given("INNGEST_SIGNING_KEY") || OWN_SIGNING_KEY;
export const EVENT_KEY = given("INNGEST_EVENT_KEY") || "conformance-event-key";

const APP_HOST = process.env.CONFORMANCE_APP_HOST || "127.0.0.1";
const APP_PORT = Number(process.env.CONFORMANCE_APP_PORT || 0);

/** A server whose retry delays cannot be shrunk takes its time: 15 s before the second attempt. */
const LIMIT_MS = SERVER_URL ? 300_000 : 30_000;

/** How a suite runs: with checkpoints or step by step, signed or in dev mode. */
export interface Mode {
  checkpointing: boolean | { bufferedSteps: number };
  signed: boolean;
}

const ALL_MODES: Mode[] = [
  { checkpointing: true, signed: true },
  { checkpointing: false, signed: true },
  { checkpointing: true, signed: false },
  { checkpointing: false, signed: false },
];

/** Another server either signs or does not; ours is started in both ways. */
export const MODES: Mode[] = ALL_MODES.filter(
  ({ signed }) => !SERVER_URL || signed === Boolean(given("INNGEST_SIGNING_KEY")),
);

/** Both ways of running steps, once each: for what is slow and does not depend on signatures. */
export const TWO_MODES: Mode[] = [true, false].map(
  (checkpointing) => MODES.find((mode) => mode.checkpointing === checkpointing)!,
);

/** A short name of a mode for test titles. */
export function nameMode(mode: Mode): string {
  return `${mode.checkpointing ? "checkpointing" : "step by step"}, ${mode.signed ? "signed" : "dev"}`;
}

/** What functions append to, so that a test sees what ran and how often. */
export class Trace {
  private readonly entries: { key: string; what: string }[] = [];

  add(key: string, what: string): void {
    this.entries.push({ key, what });
  }

  of(key: string): string[] {
    return this.entries.filter((entry) => entry.key === key).map((entry) => entry.what);
  }
}

/** Polls until a condition gives something other than undefined, null or false. */
export async function until<T>(
  what: string,
  look: () => T | Promise<T>,
  limitMs = LIMIT_MS,
): Promise<NonNullable<T>> {
  const end = Date.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found) return found as NonNullable<T>;
    if (Date.now() > end) throw new Error(`Waited ${limitMs} ms in vain for ${what}.`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

/** An SDK app that listens on a port of its own. */
export interface App {
  client: Inngest;
  trace: Trace;
  url: string;
  close(): Promise<void>;
}

type Build = (client: Inngest, trace: Trace) => InngestFunction.Any[];

/** Gives the tests of a file the time that the named server needs. Called at the head of a file. */
export function allowServerTime(): void {
  vi.setConfig({ testTimeout: Math.max(LIMIT_MS, 60_000), hookTimeout: 60_000 });
}

/** Starts the app. The engine's URL may be set later, through `engineUrl`. */
export async function startApp(
  mode: Mode,
  engineUrl: () => string,
  build: Build,
  port = APP_PORT,
  id = `app-${randomUUID().slice(0, 8)}`,
): Promise<App> {
  const trace = new Trace();
  const server = createServer((request, response) => void handler(request, response));
  await new Promise<void>((resolve) =>
    server.listen(port, APP_HOST === "127.0.0.1" ? APP_HOST : "0.0.0.0", resolve),
  );
  const url = `http://${APP_HOST}:${(server.address() as AddressInfo).port}/api/inngest`;
  const client = new Inngest({
    id,
    isDev: !mode.signed,
    checkpointing: mode.checkpointing,
    eventKey: EVENT_KEY,
    ...(mode.signed ? { signingKey: SIGNING_KEY } : {}),
    logger: silent,
    // The engine may get its port after the app, so the address is put in when a request is sent.
    baseUrl: "http://engine.invalid",
    fetch: (input, init) => fetchEngine(String(input).replace("http://engine.invalid", engineUrl()), init),
  });
  const handler = serve({ client, functions: build(client, trace) });
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  return { client, trace, url, close };
}

const nothing = () => undefined;
const silent = { info: nothing, warn: nothing, error: nothing, debug: nothing };

/** A run as the API shows it. */
export interface RunView {
  run_id: string;
  function_id: string;
  status: "Running" | "Completed" | "Failed" | "Cancelled";
  output: unknown;
}

/** An app with its engine, ready to receive events. */
export interface Bench {
  app: App;
  engineUrl: string;
  databaseUrl: string;
  send(name: string, data: Record<string, unknown>, id?: string): Promise<string>;
  runsOf(eventId: string): Promise<RunView[]>;
  /** Waits until the (only) run of an event has ended. */
  ended(eventId: string, limitMs?: number): Promise<RunView>;
  close(): Promise<void>;
}

/** The token of the public protocol: the prefix and the SHA-256 of the key that follows it. */
const [, PREFIX = "", KEY = ""] = /^(signkey-\w+-)?(.*)$/.exec(SIGNING_KEY) ?? [];
const BEARER = PREFIX + createHash("sha256").update(Buffer.from(KEY, "hex")).digest("hex");

/** GETs from the engine's API with the right token. */
export async function getJson<T>(engineUrl: string, path: string): Promise<T> {
  const response = await fetch(engineUrl + path, { headers: { authorization: `Bearer ${BEARER}` } });
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`);
  return (await response.json()) as T;
}

/**
 * Everything for one mode. Close it at the end.
 * @param readClockMs how far ahead the clock of our own engine shall be, asked when it starts
 */
export async function startBench(mode: Mode, build: Build, readClockMs = () => 0): Promise<Bench> {
  let engineUrl = SERVER_URL;
  const app = await startApp(mode, () => engineUrl, build);
  let database: TestDatabase | undefined;
  let engine: RunningEngine | undefined;
  if (engineUrl) {
    // A fixed port was another app's a moment ago; a kept connection to that one breaks once.
    await until("the app to be synced", async () => {
      const answer = await fetch(app.url, { method: "PUT" }).catch(() => undefined);
      return answer?.ok;
    });
  } else {
    database = await createTestDatabase();
    const clockMs = readClockMs();
    engine = await startEngine({
      databaseUrl: database.url,
      appUrl: app.url,
      eventKey: EVENT_KEY,
      ...(mode.signed ? { signingKey: SIGNING_KEY } : {}),
      backoffScale: 0.002,
      now: () => Date.now() + clockMs,
    });
    engineUrl = engine.url;
    await until("the app to be synced", async () => {
      const { functions } = (await (await fetch(`${engineUrl}/health`)).json()) as { functions: number };
      return functions > 0;
    });
  }
  return {
    app,
    engineUrl,
    databaseUrl: database?.url ?? "",
    ...talkTo(app, engineUrl),
    async close() {
      await engine?.close();
      await app.close();
      await database?.drop();
    },
  };
}

/** The sending and watching half of a bench. */
export function talkTo(app: App, engineUrl: string): Pick<Bench, "send" | "runsOf" | "ended"> {
  const runsOf = async (eventId: string) =>
    (await getJson<{ data: RunView[] }>(engineUrl, `/v1/events/${eventId}/runs`)).data;
  return {
    runsOf,
    async send(name, data, id) {
      const { ids } = await app.client.send({ name, data, ...(id ? { id } : {}) });
      return ids[0]!;
    },
    ended: (eventId, limitMs) =>
      until(
        `the run of event ${eventId} to end`,
        async () => {
          const [run] = await runsOf(eventId);
          return run && run.status !== "Running" ? run : undefined;
        },
        limitMs,
      ),
  };
}
