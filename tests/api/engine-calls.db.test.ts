// What strangers may send to the address at which the engine calls the functions.
import { afterAll, beforeAll, expect, test } from "vitest";
import { db as sharedDb } from "@/server/db";
import { listener } from "@/server/events/listen";
import { type Factory, makeRequest, startFactory } from "./support";

const KEY = "signkey-test-0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
const SIGNED = { "x-inngest-signature": "t=1&s=00" };

let factory: Factory;
let call: (request: Request) => Promise<Response>;
/** What the SDK's own logger has said. */
const logged: string[] = [];

beforeAll(async () => {
  factory = await startFactory({
    INNGEST_BASE_URL: "http://127.0.0.1:1",
    INNGEST_EVENT_KEY: "event-key-of-this-test",
    INNGEST_SIGNING_KEY: KEY,
  });
  for (const level of ["log", "warn", "error"] as const)
    console[level] = (...words: unknown[]) => void logged.push(words.map(String).join(" "));
  ({ serveFunctions: call } = await import("@/inngest/serve"));
});
afterAll(async () => {
  await listener().close();
  await sharedDb().$disconnect();
  await factory.close();
});

interface Sent {
  method?: string;
  raw?: string | Uint8Array;
  headers?: Record<string, string>;
}

async function send({ method = "POST", raw, headers = {} }: Sent) {
  const options =
    raw === undefined
      ? { headers }
      : { raw, headers: { "content-length": String(Buffer.byteLength(raw)), ...headers } };
  const response = await call(makeRequest(method, "/api/inngest?fnId=fabrica-run-job&stepId=step", options));
  return { status: response.status, text: await response.text() };
}

test.each(["GET", "POST", "PUT"])("%s without a signature is refused, and fills no log", async (method) => {
  const before = logged.length;
  for (const raw of method === "GET" ? [undefined] : ["{}", "{", "", "x".repeat(1_000_000)]) {
    const { status, text } = await send({ method, ...(raw === undefined ? {} : { raw }) });
    expect(status).toBe(401);
    expect(JSON.parse(text).error.code).toBe("unauthorized");
  }
  expect(logged.length).toBe(before);
});

test.each(["{", "a=b", "\u0000", "NaN", '{"a":1,}', "[".repeat(100_000)])(
  "a body that is no JSON is refused in words: %.20j",
  async (raw) => {
    for (const method of ["POST", "PUT"]) {
      const { status, text } = await send({ method, raw, headers: SIGNED });
      expect(status).toBe(400);
      expect(JSON.parse(text).error).toMatchObject({
        code: "bad_request",
        message: "The body is not valid JSON.",
      });
      expect(text).not.toMatch(/\bat .*:\d+|SyntaxError/);
    }
  },
);

test("a signature that is wrong or old is refused", async () => {
  for (const headers of [
    SIGNED,
    { "x-inngest-signature": "" },
    { "x-inngest-signature": `t=${Date.now()}&s=00` },
  ]) {
    const { status, text } = await send({ raw: '{"event":{},"events":[],"steps":{},"ctx":{}}', headers });
    expect(status).toBe(401);
    expect(text).not.toMatch(/\.(ts|js):\d+/);
  }
});

test("more than 64 MB is not taken in, whether its length is told or not", async () => {
  let sent = 0;
  const endless = () =>
    new ReadableStream<Uint8Array>({
      pull(controller) {
        sent += 1_000_000;
        if (sent > 200_000_000) controller.close();
        else controller.enqueue(new Uint8Array(1_000_000).fill(32));
      },
    });
  for (const length of [{}, { "content-length": "200000000" }]) {
    sent = 0;
    const headers = { ...SIGNED, ...length };
    const request = new Request("http://fabrica.test/api/inngest", {
      method: "POST",
      headers,
      body: endless(),
      duplex: "half",
    } as RequestInit);
    expect((await call(request)).status).toBe(413);
    expect(sent).toBeLessThan(80_000_000);
  }
});
