import { once } from "node:events";
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { z } from "zod";
import { ApiClient } from "./api";
import { keepSession, readSession } from "./session-file";

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(handler: (request: IncomingMessage, response: ServerResponse) => void): Promise<string> {
  server = createServer(handler).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}`;
}

describe("the client", () => {
  it("signs in once for many calls and sends the token", async () => {
    const seen: string[] = [];
    const url = await serve((request, response) => {
      seen.push(`${request.method} ${request.url} ${request.headers.authorization ?? "-"}`);
      response.end(JSON.stringify({ access_token: "t1", expires_in: 900 }));
    });
    const client = new ApiClient({ url, token: null, username: "u", password: "p" });
    await client.call("GET", "/api/v1/a", z.unknown());
    await client.call("POST", "/api/v1/b", z.unknown(), { x: 1 });
    expect(seen).toEqual([
      "POST /api/v1/auth/login -",
      "GET /api/v1/a Bearer t1",
      "POST /api/v1/b Bearer t1",
    ]);
  });

  it.each([
    ['{"error":{"code":"conflict","message":"It is over already."}}', "It is over already."],
    ['{"message":"Not so."}', "Not so."],
    ["<html>", "The app answered 409."],
  ])("says what the app says: %s", async (body, sentence) => {
    const url = await serve((_request, response) => response.writeHead(409).end(body));
    const client = new ApiClient({ url, token: "t", username: null, password: null });
    await expect(client.call("GET", "/x", z.unknown())).rejects.toMatchObject({
      status: 409,
      problem: sentence,
    });
  });

  it.each(['{"jobs":1}', "<html>", "", "null"])("says that it is of another version: %s", async (body) => {
    const url = await serve((_request, response) => response.end(body));
    const client = new ApiClient({ url, token: "t", username: null, password: null });
    const asked = client.call("GET", "/x", z.object({ jobs: z.array(z.string()) }));
    await expect(asked).rejects.toMatchObject({
      problem: expect.stringMatching(/another version/),
      remedy: expect.stringMatching(/./),
    });
  });

  it("says plainly that nobody answers", async () => {
    const client = new ApiClient({ url: "http://127.0.0.1:1", token: "t", username: null, password: null });
    await expect(client.call("GET", "/x", z.unknown())).rejects.toThrow(/does not answer/);
  });
});

describe("the kept session", () => {
  it("serves one address and user until it expires, and is private", () => {
    const dir = mkdtempSync(join(tmpdir(), "fabrica-session-"));
    const file = join(dir, "deep", "session.json");
    const session = { url: "http://a", username: "u", token: "t", until: Date.now() + 60_000 };
    keepSession(session, file);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(readSession("http://a", "u", file)).toEqual(session);
    expect(readSession("http://b", "u", file)).toBeNull();
    expect(readSession("http://a", "v", file)).toBeNull();
    keepSession({ ...session, until: Date.now() - 1 }, file);
    expect(readSession("http://a", "u", file)).toBeNull();
    rmSync(dir, { recursive: true });
  });
});
