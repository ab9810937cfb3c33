import { createServer, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { text } from "node:stream/consumers";
import { afterEach, describe, expect, test, vi } from "vitest";
import { fetchEngine } from "./fetch-engine";

const servers: Server[] = [];

/** A server of this test. @returns its address */
async function serve(answer: RequestListener): Promise<string> {
  const server = createServer(answer);
  servers.push(server);
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.closeAllConnections();
    await new Promise((resolve) => server.close(resolve));
  }
});

const post = (url: string | URL, body = "{}") =>
  fetchEngine(url, { method: "POST", body, headers: { "Content-Type": "application/json", "X-Key": "k" } });

describe("what the SDK sends to the engine", () => {
  test("arrives with its method, headers and every character, and the answer comes back whole", async () => {
    const seen: unknown[] = [];
    const url = await serve(async (request, response) => {
      const { method, url: path, headers } = request;
      seen.push([method, path, headers["content-type"], headers["x-key"], await text(request)]);
      response.writeHead(207, { "content-type": "application/json", "set-cookie": ["a=1", "b=2"] });
      response.end('{"said":"größer 🏭"}');
    });
    const answer = await post(new URL("/v1/x?y=1", url), '{"name":"Fräsen 🏭"}');
    expect(seen).toEqual([["POST", "/v1/x?y=1", "application/json", "k", '{"name":"Fräsen 🏭"}']]);
    expect(answer.status).toBe(207);
    expect(answer.headers.get("content-type")).toBe("application/json");
    expect(answer.headers.getSetCookie()).toEqual(["a=1", "b=2"]);
    expect(await answer.json()).toEqual({ said: "größer 🏭" });
  });

  test.each([204, 205, 304])("may be answered %d, which has no body", async (status) => {
    const url = await serve((_request, response) => void response.writeHead(status).end());
    const answer = await post(url);
    expect([answer.status, answer.body]).toEqual([status, null]);
  });

  test("uses its connections again, and others when they were closed", async () => {
    const ports = new Set<number | undefined>();
    const url = await serve((request, response) => {
      ports.add(request.socket.remotePort);
      response.end("ok");
    });
    for (let i = 0; i < 20; i++) expect(await (await post(url)).text()).toBe("ok");
    expect(ports.size).toBeLessThan(5);
    for (const server of servers) server.closeAllConnections();
    const before = new Set(ports);
    // What is sent while a closing is on its way fails like everywhere; the SDK sends it again.
    await vi.waitFor(async () => expect(await (await post(url)).text()).toBe("ok"), { timeout: 20_000 });
    expect(before).not.toContain([...ports].at(-1));
  });

  test("is sent on where the server says so", async () => {
    const target = await serve(async (request, response) => void response.end(await text(request)));
    const url = await serve((_request, response) => void response.writeHead(307, { location: target }).end());
    expect(await (await post(url, "kept")).text()).toBe("kept");
  });

  test("fails in the words of fetch where nobody listens, and where the answer breaks off", async () => {
    const url = await serve((_request, response) => {
      response.writeHead(200, { "content-length": "100" });
      response.write("half", () => response.destroy());
    });
    const broken = await post(url).catch((error: unknown) => error);
    expect(broken).toBeInstanceOf(TypeError);
    expect(broken).toMatchObject({ message: "fetch failed", cause: { message: "other side closed" } });

    const gone = servers.pop()!;
    gone.closeAllConnections();
    await new Promise((resolve) => gone.close(resolve));
    const refused = await post(url).catch((error: unknown) => error);
    expect(refused).toMatchObject({ message: "fetch failed", cause: { code: "ECONNREFUSED" } });
  });
});

describe("what is no text sent to an address", () => {
  test.each<[string, (url: string) => Promise<Response>]>([
    ["a question without a body", (url) => fetchEngine(url)],
    ["a request", (url) => fetchEngine(new Request(url, { method: "POST", body: "x" }))],
    ["bytes", (url) => fetchEngine(url, { method: "POST", body: new Uint8Array([120]) })],
    [
      "headers of their own class",
      (url) => fetchEngine(url, { method: "POST", body: "x", headers: new Headers() }),
    ],
  ])("goes the usual way: %s", async (_what, call) => {
    const url = await serve(async (request, response) => {
      response.end(`${request.method} ${await text(request)} ${request.headers["sec-fetch-mode"]}`);
    });
    expect(await (await call(url)).text()).toMatch(/^(GET |POST x) cors$/);
  });

  test("can be given up", async () => {
    const url = await serve(() => undefined);
    const signal = AbortSignal.timeout(20);
    await expect(fetchEngine(url, { method: "POST", body: "x", signal })).rejects.toMatchObject({
      name: "TimeoutError",
    });
  });
});
