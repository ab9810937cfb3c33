import { once } from "node:events";
import { createServer, type Server } from "node:http";
import { afterEach, expect, it } from "vitest";
import { ApiClient } from "./api";
import { followEvents, parseEvent, type StreamEvent } from "./event-stream";

let server: Server | undefined;

afterEach(() => {
  server?.closeAllConnections();
  server?.close();
});

async function serve(handler: Parameters<typeof createServer>[1]): Promise<ApiClient> {
  server = createServer(handler as never).listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address ? address.port : 0;
  return new ApiClient({ url: `http://127.0.0.1:${port}`, token: "t", username: null, password: null });
}

it("reads blocks of the wire format", () => {
  expect(parseEvent('id: 7\nevent: job.step\ndata: {"a":\ndata: 1}')).toEqual({
    id: "7",
    type: "job.step",
    data: { a: 1 },
  });
  expect(parseEvent(": still here")).toBeNull();
  expect(parseEvent("data: not json")).toBeNull();
});

it("resumes behind the last event after a broken connection, without loss or doubles", async () => {
  const asked: (string | undefined)[] = [];
  const client = await serve((request, response) => {
    const after = Number(request.headers["last-event-id"] ?? 0);
    asked.push(request.headers["last-event-id"] as string | undefined);
    response.writeHead(200, { "content-type": "text/event-stream" });
    // Each connection gives two events and breaks in the middle of a third.
    for (const n of [after + 1, after + 2])
      response.write(`id: ${n}\r\nevent: e\r\ndata: {"n":${n}}\r\n\r\n`);
    response.write(`id: ${after + 3}\nevent: e\nda`, () => response.destroy());
  });
  const stop = new AbortController();
  const seen: StreamEvent[] = [];
  for await (const event of followEvents(client, "/events", stop.signal)) {
    seen.push(event);
    if (seen.length === 5) stop.abort();
  }
  expect(seen.map(({ id }) => id)).toEqual(["1", "2", "3", "4", "5"]);
  expect(asked).toEqual([undefined, "2", "4"]);
});

it("stops when the app refuses for good", async () => {
  const client = await serve((_request, response) => {
    response.writeHead(404, { "content-type": "application/json" });
    response.end('{"error":{"code":"not_found","message":"There is no such job."}}');
  });
  const events = followEvents(client, "/events", new AbortController().signal);
  await expect(events.next()).rejects.toThrow("There is no such job.");
});
