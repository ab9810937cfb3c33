// Both directions of signing between an engine and the SDK, with vectors that the real SDK in node_modules computes:
// what the engine signs the SDK must take, what the SDK signs the engine must take, and neither takes anything else.
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { Inngest } from "inngest";
import { serve } from "inngest/edge";
import { afterEach, describe, expect, it } from "vitest";
import { createSdkClient } from "@/inngest/embedded/call-sdk";
import { canonicalize } from "@/inngest/embedded/canonical-json";
import { createSigner } from "@/inngest/embedded/signatures";

const HEX = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";
const KEYS = [HEX, `signkey-prod-${HEX}`, `signkey-test-${HEX.toUpperCase()}`];
const SDK_URL = "http://127.0.0.1/api/inngest";
const FIVE_MINUTES = 300_000;

interface Heard {
  url: string;
  authorization: string | null;
  body: string;
}

/** An SDK app without a network: it is called as a function, and what it sends is heard. */
function app(signingKey: string) {
  const heard: Heard[] = [];
  const ran: unknown[] = [];
  const silent = () => undefined;
  const client = new Inngest({
    id: "signing",
    isDev: false,
    baseUrl: "http://engine.invalid",
    signingKey,
    eventKey: "an-event-key",
    checkpointing: false,
    logger: { info: silent, warn: silent, error: silent, debug: silent },
    fetch: async (input, init) => {
      const request = new Request(input as string, init);
      const authorization = request.headers.get("authorization");
      heard.push({ url: request.url, authorization, body: await request.text() });
      return Response.json({ ok: true, modified: true, ids: ["01J0000000000000000000000"], status: 200 });
    },
  });
  const f = client.createFunction({ id: "f", triggers: [{ event: "f" }] }, ({ event }) => {
    ran.push(event.data);
    return "done";
  });
  const handle = serve({ client, functions: [f], enableUnauthedSync: false });
  const call = (method: string, body: string, signature?: string) =>
    handle(
      new Request(method === "POST" ? `${SDK_URL}?fnId=signing-f&stepId=step` : SDK_URL, {
        method,
        body,
        headers: {
          "content-type": "application/json",
          host: "127.0.0.1",
          "x-inngest-server-kind": "cloud",
          ...(signature === undefined ? {} : { "x-inngest-signature": signature }),
        },
      }),
    );
  return { client, call, heard, ran };
}

/** The body of a first call as the engine sends it: canonical JSON. */
function bodyOf(data: Record<string, unknown>): string {
  const event = { name: "f", data, id: "01J0000000000000000000000", ts: 1_700_000_000_000 };
  const ctx = {
    attempt: 0,
    disable_immediate_execution: false,
    fn_id: "signing-f",
    run_id: "01J0000000000000000000001",
    stack: { current: 0, stack: [] },
    step_id: "step",
    use_api: false,
  };
  return canonicalize({ ctx, event, events: [event], steps: {}, use_api: false, version: 2 });
}

describe.each(KEYS)("engine → SDK with the key %s", (key) => {
  const { sign } = createSigner(key);
  const body = bodyOf({ text: "naïve ☃ 𝄞", list: [1, 2.5, -0, 1e21], nested: { b: null, a: true } });

  it("takes a call that the engine signed, and answers with a signature that the engine takes", async () => {
    const { call, ran } = app(key);
    const answer = await call("POST", body, sign(body, Date.now()));
    const text = await answer.text();
    expect([answer.status, JSON.parse(text)]).toEqual([200, "done"]);
    expect(ran).toHaveLength(1);
    const header = answer.headers.get("x-inngest-signature") ?? undefined;
    expect(createSigner(key).verify(header, text, Date.now())).toBe(true);
    expect(createSigner(key).verify(header, `${text} `, Date.now())).toBe(false);
    expect(createSigner(key).verify(header, text, Date.now() + FIVE_MINUTES + 2_000)).toBe(false);
  });

  it("takes a call up to 5 minutes old, or from a clock as much ahead", async () => {
    const { call, ran } = app(key);
    for (const offset of [-FIVE_MINUTES + 10_000, FIVE_MINUTES - 10_000])
      expect((await call("POST", body, sign(body, Date.now() + offset))).status).toBe(200);
    expect(ran).toHaveLength(2);
  });

  const stranger = createSigner(key.toLowerCase().replace("0011", "1100"));
  const good = () => sign(body, Date.now());
  it.each<[string, () => [string, string | undefined]]>([
    ["no signature", () => [body, undefined]],
    ["an empty signature", () => [body, ""]],
    ["no time", () => [body, `s=${good().split("s=")[1]}`]],
    ["a time that is no number", () => [body, good().replace(/t=\d+/, "t=now")]],
    ["a wrong signature", () => [body, good().replace(/.$/, (last) => (last === "0" ? "1" : "0"))]],
    ["another key", () => [body, stranger.sign(body, Date.now())]],
    ["a signature older than 5 minutes", () => [body, sign(body, Date.now() - FIVE_MINUTES - 2_000)]],
    ["a signature from the future", () => [body, sign(body, Date.now() + FIVE_MINUTES + 5_000)]],
    [
      "a stale signature under a new time",
      () => [body, restamped(sign(body, Date.now() - 2 * FIVE_MINUTES))],
    ],
    ["a replay with another body", () => [bodyOf({ text: "changed" }), good()]],
  ])("refuses %s and runs nothing", async (_, make) => {
    const { call, ran } = app(key);
    const [sent, signature] = make();
    expect((await call("POST", sent, signature)).status).toBe(401);
    expect(ran).toEqual([]);
  });

  it("is asked to register only by somebody with the key", async () => {
    const { call, heard } = app(key);
    const request = canonicalize({ url: "http://elsewhere.test/api/inngest" });
    expect((await call("PUT", request)).status).toBe(401);
    expect((await call("PUT", request, stranger.sign(request, Date.now()))).status).toBe(401);
    expect(heard).toEqual([]);
    expect((await call("PUT", request, sign(request, Date.now()))).status).toBe(200);
    expect(heard).toHaveLength(1);
  });
});

function restamped(signature: string): string {
  return signature.replace(/t=\d+/, `t=${Math.floor(Date.now() / 1000)}`);
}

describe.each(KEYS)("SDK → engine with the key %s", (key) => {
  it("proves the key when it registers, by a token that the engine takes and nobody else's", async () => {
    const { call, heard } = app(key);
    const request = canonicalize({ url: SDK_URL });
    await call("PUT", request, createSigner(key).sign(request, Date.now()));
    const [registration] = heard;
    expect(registration?.url).toBe("http://engine.invalid/fn/register");
    const { verifyBearer } = createSigner(key);
    expect(verifyBearer(registration?.authorization ?? undefined)).toBe(true);
    expect(createSigner(HEX.replace("0011", "1100")).verifyBearer(registration?.authorization ?? "")).toBe(
      false,
    );
    expect(registration?.authorization).not.toContain(key.replace(/^signkey-\w+-/, ""));
  });

  it("names the event key when it sends", async () => {
    const { client, heard } = app(key);
    await client.send({ name: "f", data: {} });
    expect(heard.map(({ url }) => url)).toEqual(["http://engine.invalid/e/an-event-key"]);
  });
});

describe("an answer on its way to the engine", () => {
  const closers: (() => void)[] = [];
  afterEach(() => {
    for (const close of closers.splice(0)) close();
  });

  /** What the engine's client makes of an answer that was signed by the SDK and then went through `change`. */
  async function through(change: (body: string, signature: string) => { body: string; signature?: string }) {
    const { call } = app(HEX);
    const server = createServer(async (request, response) => {
      let text = "";
      for await (const chunk of request) text += chunk;
      const answer = await call("POST", text, String(request.headers["x-inngest-signature"]));
      const { body, signature } = change(
        await answer.text(),
        answer.headers.get("x-inngest-signature") ?? "",
      );
      if (signature !== undefined) response.setHeader("x-inngest-signature", signature);
      response.writeHead(answer.status).end(body);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    const client = createSdkClient(createSigner(HEX), Date.now);
    closers.push(() => server.close(), client.close);
    const { port } = server.address() as AddressInfo;
    return client.send(`http://127.0.0.1:${port}`, "POST", bodyOf({}), {}, () => undefined);
  }

  it("is taken as it was signed", async () => {
    expect(await through((body, signature) => ({ body, signature }))).toMatchObject({
      kind: "answered",
      status: 200,
      body: '"done"',
    });
  });

  it.each<[string, Parameters<typeof through>[0]]>([
    ["without its signature", (body) => ({ body })],
    ["with another body", (_, signature) => ({ body: '"forged"', signature })],
    ["with a signature that is too old", (body) => ({ body, signature: old(body) })],
    ["with the signature of another key", (body) => ({ body, signature: foreign(body) })],
  ])("is not believed %s", async (_, change) => {
    expect(await through(change)).toMatchObject({
      kind: "lost",
      message: expect.stringContaining("without a valid signature"),
    });
  });

  const old = (body: string) => createSigner(HEX).sign(body, Date.now() - FIVE_MINUTES - 2_000);
  const foreign = (body: string) => createSigner(HEX.replace("0011", "1100")).sign(body, Date.now());
});
