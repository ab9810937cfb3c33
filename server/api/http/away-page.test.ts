import { createServer, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { processWide } from "../../process-wide";
import { guardPage, noteAway } from "./away-page";

const away = processWide("away", () => ({ at: 0 }));
let answer: (response: ServerResponse) => void = () => undefined;
let server: Server;

beforeAll(async () => {
  server = createServer((_, response) => {
    guardPage(response);
    answer(response);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
});
afterAll(() => new Promise((resolve) => server.close(resolve)));

async function open(page: (response: ServerResponse) => void) {
  answer = page;
  const response = await fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}/`);
  return { status: response.status, headers: response.headers, text: await response.text() };
}

/** Pages that fail, in the ways in which a server may say so. */
const FAILED: [string, (response: ServerResponse) => void][] = [
  ["head and end", (response) => response.writeHead(500, { etag: "x" }).end("broken")],
  [
    "pieces",
    (response) => {
      response.statusCode = 500;
      response.setHeader("x-powered-by", "a page");
      response.write("<p>bro");
      response.end("ken</p>");
    },
  ],
  [
    "an early head",
    (response) => {
      response.statusCode = 500;
      response.flushHeaders();
      response.end("broken");
    },
  ],
];

test.each(FAILED)("a page that fails while the database is away says so (%s)", async (_, page) => {
  noteAway();
  const { status, headers, text } = await open(page);
  expect(status).toBe(503);
  expect(headers.get("retry-after")).toBe("2");
  expect(headers.get("x-powered-by")).toBeNull();
  expect(text).toContain("The database cannot be reached at the moment.");
  expect(text).not.toContain("bro");
});

test.each(FAILED)("a page that fails for another reason stays what it is (%s)", async (_, page) => {
  away.at = 0;
  const { status, text } = await open(page);
  expect(status).toBe(500);
  expect(text).toContain("bro");
});

test("a page that succeeds is left alone, whatever happened just before", async () => {
  noteAway();
  const { status, text } = await open((response) => response.end("fine"));
  expect([status, text]).toEqual([200, "fine"]);
});
