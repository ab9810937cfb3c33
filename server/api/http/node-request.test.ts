import { once } from "node:events";
import { createServer, request as httpRequest, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type DirectHandler, directHandler, serveDirectly } from "./direct-routes";
import { answerWith } from "./node-request";

let handler: DirectHandler;
let server: Server;
let faults: unknown[];
let url: string;

beforeEach(async () => {
  faults = [];
  server = createServer((incoming, outgoing) => {
    answerWith(handler, incoming, outgoing).catch((error: unknown) => faults.push(error));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
  url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
});
afterEach(async () => {
  server.closeAllConnections();
  server.close();
  await once(server, "close");
});

describe("a web handler behind Node's server", () => {
  it("is given method, address, headers and body, and its answer is passed on", async () => {
    handler = async (request) => {
      const { pathname, searchParams } = new URL(request.url);
      const about = {
        method: request.method,
        pathname,
        q: searchParams.get("q"),
        body: await request.text(),
      };
      return Response.json(about, {
        status: 201,
        headers: { "x-kind": request.headers.get("x-kind") ?? "" },
      });
    };
    const answer = await fetch(`${url}/a/b?q=%C3%A4`, {
      method: "POST",
      body: "dâta",
      headers: { "x-kind": "k" },
    });
    expect(answer.status).toBe(201);
    expect(answer.headers.get("x-kind")).toBe("k");
    expect(answer.headers.get("x-content-type-options")).toBe("nosniff");
    expect(await answer.json()).toEqual({ method: "POST", pathname: "/a/b", q: "ä", body: "dâta" });
  });

  it("streams large bodies in both directions", async () => {
    const large = new Uint8Array(3_000_000).map((_, i) => i % 251);
    handler = async (request) => new Response(request.body);
    const answer = await fetch(`${url}/echo`, { method: "POST", body: large });
    expect(Buffer.compare(Buffer.from(await answer.arrayBuffer()), Buffer.from(large))).toBe(0);
  });

  it("answers without a body", async () => {
    handler = async () => new Response(null, { status: 204 });
    expect((await fetch(url, { method: "PUT", body: "x" })).status).toBe(204);
  });

  it("ends the request's signal when the caller leaves, and not when it was answered", async () => {
    const signals: AbortSignal[] = [];
    handler = async (request) => {
      signals.push(request.signal);
      if (request.url.endsWith("/quick")) return new Response("done");
      await new Promise((resolve) => request.signal.addEventListener("abort", resolve));
      return new Response("too late");
    };
    await (await fetch(`${url}/quick`)).text();
    const leaving = httpRequest(`${url}/slow`, { method: "POST" });
    leaving.on("error", () => undefined);
    leaving.end("{}");
    while (signals.length < 2) await new Promise((resolve) => setImmediate(resolve));
    leaving.destroy();
    const [quick, slow] = signals;
    if (!slow?.aborted) await once(slow as AbortSignal, "abort");
    expect(quick?.aborted).toBe(false);
    expect(slow?.aborted).toBe(true);
  });

  it.each(["evil.example/x?y=", "a b", "[", ""])("is not misled by the Host %j", async (host) => {
    handler = async (request) => new Response(new URL(request.url).pathname);
    const asked = httpRequest(`${url}/where`, { headers: { host } });
    asked.end();
    const [answer] = await once(asked, "response");
    const parts: Buffer[] = [];
    for await (const part of answer) parts.push(part);
    expect([200, 400]).toContain(answer.statusCode);
    if (answer.statusCode === 200) expect(Buffer.concat(parts).toString()).toBe("/where");
  });
});

describe("direct routes", () => {
  it("take their path and what is below it, with the methods of the route files", () => {
    const own: DirectHandler = async () => new Response("own");
    serveDirectly("/api/test-direct", own);
    expect(directHandler("POST", "/api/test-direct")).toBe(own);
    expect(directHandler("GET", "/api/test-direct/a/b?c=d")).toBe(own);
    expect(directHandler("PATCH", "/api/test-direct")).toBeNull();
    expect(directHandler("POST", "/api/test-directly")).toBeNull();
    expect(directHandler("POST", "/api/other?next=/api/test-direct")).toBeNull();
  });
});
